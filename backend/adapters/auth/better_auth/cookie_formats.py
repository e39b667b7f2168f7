"""Decoders for the formats of Better Auth's session cookie: a decoder for each strategy.

A decoder authenticates the value of a cookie and returns its claims. `SessionCookieVerifier` then
checks the claims.
"""

import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.adapters.auth.claims import Claims, ClaimsPolicy
from backend.adapters.auth.jose.jwe import KEY_BYTES, DirectDecryption
from backend.adapters.auth.jose.jwk import HMAC_ALGORITHMS
from backend.adapters.auth.jose.jws import decode_base64url, load_object
from backend.adapters.auth.keys import KeySource, SecretKeys
from backend.adapters.auth.pyjwt import SignedTokens
from backend.domain.auth import InvalidSignatureError, MalformedTokenError

CookieDecoder = Callable[[str], Awaitable[Claims]]

COOKIE_MAX_LENGTH: Final = 32 * 1024  # characters
JWKS_TYPE: Final = "better-auth.session-cache+jwt"
JWKS_AUDIENCE: Final = "better-auth:session-cache"

_COMPACT: Final = re.compile(
    rb'\{"session":(\{.+)\},"expiresAt":([0-9]{1,15}),"signature":"([A-Za-z0-9_-]{43})"\}',
    re.DOTALL,
)


class CompactCookieDecoder:
    """Decodes `strategy: "compact"`, the default: JSON with an HMAC-SHA256 signature.

    Args:
        secret: The bytes of the current secret.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    async def __call__(self, value: str) -> Claims:
        """Return the claims of a cookie.

        Args:
            value: The value of the cookie. Untrusted.

        Raises:
            MalformedTokenError: The value is not in this format.
            InvalidSignatureError: The secret did not sign the value.
        """
        try:
            match = _COMPACT.fullmatch(decode_base64url(value.encode("ascii")))
        except UnicodeEncodeError:
            match = None
        if match is None:
            raise MalformedTokenError("not a session cookie in compact format")
        # Better Auth signs the JSON text of the session with `expiresAt` appended. The text is cut
        # from the cookie, because serializing the parsed session again may give another text.
        session, milliseconds, signature = match.groups()
        signed = b'%b,"expiresAt":%b}' % (session, milliseconds)
        expected = hmac.digest(self._secret, signed, "sha256")
        if not hmac.compare_digest(expected, decode_base64url(signature)):
            raise InvalidSignatureError("the signature does not match the secret")
        return {**load_object(signed, lone_surrogates=True), "exp": int(milliseconds) / 1000}


class JwtCookieDecoder:
    """Decodes `strategy: "jwt"`: a JWT that the secret or a key of the JWKS signed.

    Args:
        signed_tokens: Decodes JWTs of the cookie's type and verifies their signatures.
        policy: The rules for `iss` and `aud`.
    """

    def __init__(self, signed_tokens: SignedTokens, *, policy: ClaimsPolicy) -> None:
        self._signed_tokens = signed_tokens
        self._policy = policy

    @classmethod
    def with_secret(cls, secret: bytes) -> Self:
        """Make a decoder for cookies that the current secret signs, without `iss` and `aud`.

        Args:
            secret: The bytes of the current secret.
        """
        sources = dict.fromkeys(HMAC_ALGORITHMS, SecretKeys([secret]))
        tokens = SignedTokens(sources, types=frozenset({"jwt"}), max_length=COOKIE_MAX_LENGTH)
        return cls(tokens, policy=ClaimsPolicy())

    @classmethod
    def with_jwks(cls, sources: Mapping[str, KeySource], *, issuers: frozenset[str]) -> Self:
        """Make a decoder for cookies of `jwt({ sessionCookieCache: true })`, signed by the JWKS.

        Args:
            sources: The accepted algorithms, each with the source of its keys.
            issuers: The accepted values of `iss`. If empty, any issuer is accepted.
        """
        types = frozenset({JWKS_TYPE})
        tokens = SignedTokens(sources, types=types, max_length=COOKIE_MAX_LENGTH)
        policy = ClaimsPolicy(issuers=issuers, audiences=frozenset({JWKS_AUDIENCE}))
        return cls(tokens, policy=policy)

    async def __call__(self, value: str) -> Claims:
        """Return the claims of a cookie.

        Args:
            value: The value of the cookie. Untrusted.

        Raises:
            InvalidTokenError: The value is not a JWT of this type, issuer and audience.
            VerifierUnavailableError: The issuer's keys are not available now.
        """
        return await self._signed_tokens.decode(value, self._validate)

    def _validate(self, claims: Claims) -> Claims:
        self._policy.check_issuer(claims)
        self._policy.check_audience(claims)
        return claims


class JweCookieDecoder:
    """Decodes `strategy: "jwe"`, the default without a database: an encrypted JWT.

    Args:
        secrets: The bytes of the current secret and of earlier secrets. Any of them may be used.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._decryption = DirectDecryption([encryption_key(secret) for secret in secrets])

    async def __call__(self, value: str) -> Claims:
        """Return the claims of a cookie.

        Args:
            value: The value of the cookie. Untrusted.

        Raises:
            InvalidTokenError: The value is not in this format, or no secret decrypts it.
        """
        return self._decryption.decrypt(value)


def encryption_key(secret: bytes, *, salt: bytes = b"better-auth-session") -> bytes:
    """Derive the key that Better Auth encrypts session cookies with (HKDF, RFC 5869).

    Args:
        secret: The bytes of the secret.
        salt: The salt of the derivation. Better Auth has another salt for each use of the secret.
    """
    info = b"BetterAuth.js Generated Encryption Key"
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(secret)
