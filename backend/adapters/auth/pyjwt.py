"""Verifies JWTs: first the header and the signature, then the claims, then the user.

The order is a security property: size, format, header, key, signature, payload. The payload is not
decoded before the signature is verified.
"""

import functools
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar

from backend.adapters.auth.claims import Claims, ClaimsPolicy, ToPrincipal
from backend.adapters.auth.jose.jwk import (
    ASYMMETRIC_ALGORITHMS,
    HMAC_ALGORITHMS,
    KID_MAX_LENGTH,
    VerificationKey,
)
from backend.adapters.auth.jose.jws import TOKEN_MAX_LENGTH, decode_object, parse_compact
from backend.adapters.auth.keys import KeySource
from backend.domain.auth import (
    InvalidAlgorithmError,
    InvalidSignatureError,
    Principal,
    UnsupportedTokenError,
)

ACCESS_TOKEN_TYPES: Final = frozenset({"jwt", "at+jwt"})  # RFC 7519, 5.1; RFC 9068, 2.1

_ALGORITHM_NAMES: Final = (  # RFC 7518, section 3.1
    *(*ASYMMETRIC_ALGORITHMS, *HMAC_ALGORITHMS, "HS384", "HS512", "ES256K", "Ed448", "none"),
)
_UNSUPPORTED_HEADERS: Final = ("crit", "b64", "zip", "enc")
_HEADER_CACHE_SIZE: Final = 256
_CACHED_HEADER_MAX_LENGTH: Final = 256

Result = TypeVar("Result")

_KeyLookup = tuple[KeySource, str, str | None]  # the source of the key, its algorithm, its kid


class JwtTokenVerifier:
    """Verifies JWTs locally, without a call to the issuer (RFC 7519; practices of RFC 8725).

    Args:
        signed_tokens: Decodes tokens and verifies their signatures.
        policy: The rules for the registered claims.
        to_principal: Maps the issuer's claims to a principal. The arguments are the verified claims
            and the expiry in seconds since the epoch.
        clock: Returns the time in seconds since the epoch.
    """

    def __init__(
        self,
        signed_tokens: "SignedTokens",
        *,
        policy: ClaimsPolicy,
        to_principal: ToPrincipal,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._signed_tokens = signed_tokens
        self._policy = policy
        self._to_principal = to_principal
        self._clock = clock

    def verify(self, token: str, /) -> Coroutine[Any, Any, Principal]:
        """Verify a bearer token.

        Args:
            token: A JWS in compact serialization. Untrusted.

        Raises:
            AuthError: The token is not valid.
            VerifierUnavailableError: The issuer's keys are not available now.
        """
        # An `async def` would add a second coroutine to the hot path.
        return self._signed_tokens.decode(token, self._authenticate)

    def _authenticate(self, claims: Claims) -> Principal:
        return self._to_principal(claims, self._policy.check(claims, self._clock()))


class SignedTokens:
    """Decodes JWSs of the accepted types and verifies that an accepted key signed them.

    Args:
        sources: The accepted algorithms, each with the source of its keys. The table ties every
            algorithm to its own family of keys, so no key verifies another family's signature.
        types: The accepted values of `typ` in lower case. A token without `typ` counts as `jwt`.
        max_length: The maximum number of characters of a token; also an attribute.
    """

    def __init__(
        self,
        sources: Mapping[str, KeySource],
        *,
        types: frozenset[str] = ACCESS_TOKEN_TYPES,
        max_length: int = TOKEN_MAX_LENGTH,
    ) -> None:
        self._sources = sources
        self._types = types
        self.max_length = max_length
        # Usually all tokens of a key have the same header.
        self._read_cached_header = functools.lru_cache(_HEADER_CACHE_SIZE)(self._read_header)

    async def decode(self, token: str, validate: Callable[[Claims], Result]) -> Result:
        """Verify the signature of a token, and return `validate(claims)`.

        Args:
            token: A JWS in compact serialization. Untrusted.
            validate: Checks the claims, which are authentic but not checked yet, and returns the
                result.

        Raises:
            InvalidTokenError: The token is malformed, unsupported, or not signed by an accepted
                key.
            VerifierUnavailableError: The issuer's keys are not available now.
            Exception: Any error that `validate` raises.
        """
        header, payload, signing_input, signature = parse_compact(token, max_length=self.max_length)
        cacheable = len(header) <= _CACHED_HEADER_MAX_LENGTH
        read = self._read_cached_header if cacheable else self._read_header
        source, algorithm, kid = read(header)
        try:
            keys = source.known(algorithm, kid) or await source.find(algorithm, kid)
            _check_signature(keys, algorithm, signing_input, signature)
        except (InvalidAlgorithmError, InvalidSignatureError):
            # After a reset of the issuer's database, new keys can have known ids.
            if not await source.recheck():
                raise
            keys = await source.find(algorithm, kid)
            _check_signature(keys, algorithm, signing_input, signature)
        return validate(decode_object(payload, lone_surrogates=True))

    def _read_header(self, segment: bytes) -> _KeyLookup:
        header = decode_object(segment)
        self.check_header(header)
        return self._key_lookup(header)

    def _key_lookup(self, header: Mapping[str, Any]) -> _KeyLookup:
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._sources:
            raise InvalidAlgorithmError(
                "alg is not an accepted algorithm",
                # The header is not verified, so only names from a fixed list are quoted.
                found=next((name for name in _ALGORITHM_NAMES if name == algorithm), ""),
                expected=", ".join(self._sources),
            )
        return self._sources[algorithm], algorithm, header.get("kid")

    def check_header(self, header: Mapping[str, Any]) -> None:
        """Check all header parameters except `alg`. Keys in the header are ignored.

        Raises:
            UnsupportedTokenError: A parameter has a value that is not supported.
        """
        kid, typ = header.get("kid"), header.get("typ", "JWT")
        if "kid" in header and not (isinstance(kid, str) and 0 < len(kid) <= KID_MAX_LENGTH):
            raise UnsupportedTokenError(f"kid is not a string of 1 to {KID_MAX_LENGTH} characters")
        if not isinstance(typ, str) or media_subtype(typ) not in self._types:
            raise UnsupportedTokenError("typ is not an accepted token type")
        if "cty" in header and media_subtype(header["cty"]) == "jwt":
            raise UnsupportedTokenError("cty is JWT: nested tokens are not supported")
        for name in _UNSUPPORTED_HEADERS:
            if name in header:
                raise UnsupportedTokenError(f"the header parameter {name} is not supported")

    async def check_signature(
        self, header: Mapping[str, Any], signing_input: bytes, signature: bytes
    ) -> None:
        """Check that an accepted key made the signature with an accepted algorithm.

        Raises:
            InvalidTokenError: The algorithm, the key or the signature is not accepted.
            VerifierUnavailableError: The issuer's keys are not available now.
        """
        source, algorithm, kid = self._key_lookup(header)
        keys = await source.find(algorithm, kid)
        _check_signature(keys, algorithm, signing_input, signature)


def _check_signature(
    keys: Sequence[VerificationKey], algorithm: str, signing_input: bytes, signature: bytes
) -> None:
    for key in keys:
        if key.verify(algorithm, signing_input, signature):
            return
    raise InvalidSignatureError("no matching key verifies the signature")


def media_subtype(value: object) -> str:
    """Normalize a `typ` or `cty` for comparison (RFC 7515, section 4.1.9)."""
    return str(value).lower().removeprefix("application/")
