"""Better Auth's session cookie, in each of the formats that its cookie cache can have.

A cookie says more than a token: it holds the whole session, which has an end of its own, and both
ends count. And it must have a session's shape: Better Auth signs mailed links with the same secret.
"""

import hmac
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.adapters.auth.better_auth.tokens import to_principal
from backend.adapters.auth.claims import Claims, ClaimsPolicy, check_identifier, numeric_date
from backend.adapters.auth.jose.jwe import KEY_BYTES, DirectDecryption
from backend.adapters.auth.jose.jwk import HMAC_ALGORITHMS
from backend.adapters.auth.jose.jws import decode_base64url, load_object
from backend.adapters.auth.keys import KeySource, SecretKeys
from backend.adapters.auth.pyjwt import SignedTokens
from backend.domain.auth import (
    ExpiredTokenError,
    InvalidClaimError,
    InvalidSignatureError,
    MalformedTokenError,
    MissingClaimError,
    Principal,
)

OpenCookie = Callable[[str], Awaitable[Claims]]

COOKIE_MAX_LENGTH: Final = 32 * 1024
JWKS_TYPE: Final = "better-auth.session-cache+jwt"
JWKS_AUDIENCE: Final = "better-auth:session-cache"

_COMPACT: Final = re.compile(
    rb'\{"session":(\{.+)\},"expiresAt":([0-9]{1,15}),"signature":"([A-Za-z0-9_-]{43})"\}',
    re.DOTALL,
)


class SessionCookieVerifier:
    """Turns the value of a session cookie into the principal whose session it is.

    Args:
        open_cookie: Opens cookies of one format: returns authentic claims, with `exp`.
        version: The cache version that a cookie must be of; None for any.
        leeway: Seconds by which clocks may differ.
        clock: The time in seconds since the epoch.
    """

    def __init__(
        self,
        open_cookie: OpenCookie,
        *,
        version: str | None = None,
        leeway: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._open = open_cookie
        self._version = version
        self._leeway = leeway
        self._clock = clock

    async def verify(self, token: str, /) -> Principal:
        """Verify one cookie.

        Args:
            token: The cookie's value, its chunks joined. Untrusted.

        Raises:
            AuthError: It is not the cookie of a session that lasts.
            VerifierUnavailableError: Its key cannot be had at the moment.
        """
        if len(token) > COOKIE_MAX_LENGTH:
            raise MalformedTokenError(f"longer than {COOKIE_MAX_LENGTH} characters")
        claims = await self._open(token)
        session, user = _part(claims, "session"), _part(claims, "user")
        if self._version is not None and claims.get("version", "1") != self._version:
            raise InvalidClaimError("of another cache version")
        check_identifier("user.id", user.get("id"))
        if session.get("userId") != user["id"] or claims.get("sub", user["id"]) != user["id"]:
            raise InvalidClaimError("the session, the user and sub are not of one user")
        expires = numeric_date(claims, "exp")
        if expires is None:
            raise MissingClaimError("exp")
        end = min(expires, _session_end(session))
        if end <= self._clock() - self._leeway:
            raise ExpiredTokenError("the session, or its cookie, has ended")
        # Scopes are what a token is granted: a user's own column of that name is something else.
        return to_principal({**user, "sub": user["id"], "scope": None}, end)


class CompactCookie:
    """`strategy: "compact"`, the default: JSON, and an HMAC-SHA256 of a part of its text.

    Args:
        secret: The current secret's bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    async def __call__(self, value: str) -> Claims:
        """Open a cookie; see `SessionCookieVerifier`."""
        try:
            match = _COMPACT.fullmatch(decode_base64url(value.encode("ascii")))
        except UnicodeEncodeError:
            match = None
        if match is None:
            raise MalformedTokenError("not a compact session cookie")
        # What was signed is the session's own text with the end put into it. Cutting that text out
        # is exact, where writing the parsed JSON down again is not.
        session, milliseconds, signature = match.groups()
        signed = b'%b,"expiresAt":%b}' % (session, milliseconds)
        made = hmac.digest(self._secret, signed, "sha256")
        if not hmac.compare_digest(made, decode_base64url(signature)):
            raise InvalidSignatureError("the secret did not make this signature")
        return {**load_object(signed), "exp": int(milliseconds) / 1000}


class JwtCookie:
    """`strategy: "jwt"`: a JWT signed by the secret, or by a key of the JWKS.

    Args:
        signed: Opens JWTs of the cookie's type.
        policy: What `iss` and `aud` must say.
    """

    def __init__(self, signed: SignedTokens, *, policy: ClaimsPolicy) -> None:
        self._signed = signed
        self._policy = policy

    @classmethod
    def of_secret(cls, secret: bytes) -> Self:
        """Make it for cookies that the current secret signs: they name no issuer or audience."""
        sources = dict.fromkeys(HMAC_ALGORITHMS, SecretKeys([secret]))
        signed = SignedTokens(sources, types=frozenset({"jwt"}), max_length=COOKIE_MAX_LENGTH)
        return cls(signed, policy=ClaimsPolicy())

    @classmethod
    def of_jwks(cls, sources: Mapping[str, KeySource], *, issuers: frozenset[str]) -> Self:
        """Make it for cookies that keys of the JWKS sign: `jwt({ sessionCookieCache: true })`."""
        types = frozenset({JWKS_TYPE})
        signed = SignedTokens(sources, types=types, max_length=COOKIE_MAX_LENGTH)
        policy = ClaimsPolicy(issuers=issuers, audiences=frozenset({JWKS_AUDIENCE}))
        return cls(signed, policy=policy)

    async def __call__(self, value: str) -> Claims:
        """Open a cookie; see `SessionCookieVerifier`."""
        return await self._signed.open(value, self._meant)

    def _meant(self, claims: Claims) -> Claims:
        self._policy.check_issuer(claims)
        self._policy.check_audience(claims)
        return claims


class JweCookie:
    """`strategy: "jwe"`, the default without a database: encrypted with a key of the secret's.

    Args:
        secrets: The bytes of each secret.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._decryption = DirectDecryption([_encryption_key(secret) for secret in secrets])

    async def __call__(self, value: str) -> Claims:
        """Open a cookie; see `SessionCookieVerifier`."""
        return self._decryption.decrypt(value)


def _encryption_key(secret: bytes) -> bytes:
    """Derive the key that Better Auth encrypts session cookies with (RFC 5869)."""
    return HKDF(
        algorithm=SHA256(),
        length=KEY_BYTES,
        salt=b"better-auth-session",
        info=b"BetterAuth.js Generated Encryption Key",
    ).derive(secret)


def _part(claims: Claims, name: str) -> Mapping[str, Any]:
    part = claims.get(name)
    if not isinstance(part, dict):
        raise MissingClaimError(name)
    return part


def _session_end(session: Mapping[str, Any]) -> float:
    """Return the end of the session itself, which JavaScript wrote down as an ISO string."""
    try:
        end = datetime.fromisoformat(session["expiresAt"])
        if end.utcoffset() is not None:
            return end.astimezone(UTC).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    raise InvalidClaimError("the session's expiresAt is not a time")
