"""From a token to a principal: PyJWT's signatures, checked keys, strict claims.

The order is a defence: size, form and header first, then the key, then the signature; nothing of
the payload is read before the signature holds.
"""

import functools
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar

from backend.adapters.auth.claims import Claims, ClaimsPolicy
from backend.adapters.auth.jose.jwk import VerificationKey
from backend.adapters.auth.jose.jws import TOKEN_MAX_LENGTH, decode_object, parse_compact
from backend.adapters.auth.keys import KeySource
from backend.domain.auth import (
    InvalidAlgorithmError,
    InvalidSignatureError,
    Principal,
    UnsupportedTokenError,
)

ACCESS_TOKEN_TYPES: Final = frozenset({"jwt", "at+jwt"})  # RFC 7519, 5.1; RFC 9068, 2.1

_REFUSED_HEADERS: Final = ("crit", "b64", "zip", "enc")
_KID_MAX_LENGTH: Final = 256
_COMMON_HEADERS: Final = 256
_COMMON_HEADER_LENGTH: Final = 256

Judged = TypeVar("Judged")

_Signed = tuple[KeySource, str, str | None]  # by a key of this source, by this algorithm and name


class JwtTokenVerifier:
    """Verifies JWTs (RFC 7519, by the advice of RFC 8725) without asking anyone.

    Args:
        signed: Opens tokens that are signed as they must be.
        policy: What the registered claims must say.
        to_principal: Reads the issuer's dialect: verified claims and their end, to a principal.
        clock: The time in seconds since the epoch.
    """

    def __init__(
        self,
        signed: "SignedTokens",
        *,
        policy: ClaimsPolicy,
        to_principal: Callable[[Claims, float], Principal],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._signed = signed
        self._policy = policy
        self._to_principal = to_principal
        self._clock = clock

    def verify(self, token: str, /) -> Coroutine[Any, Any, Principal]:
        """Verify one bearer token.

        Args:
            token: A JWS in compact serialization. Untrusted.

        Raises:
            AuthError: The token is not valid here.
            VerifierUnavailableError: Its key cannot be had at the moment.
        """
        return self._signed.open(token, self._principal)

    def _principal(self, claims: Claims) -> Principal:
        return self._to_principal(claims, self._policy.check(claims, self._clock()))


class SignedTokens:
    """JWSs that the right keys signed, of the types that are meant.

    Args:
        sources: The accepted algorithms, and where the keys of each come from. That the two are
            one table is what ties an algorithm to its family of keys.
        types: The accepted values of `typ`, in lower case; a token without one is a `jwt`.
        max_length: The most characters of a token.
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
        self._max_length = max_length
        # All the tokens of a key have their header in common.
        self._read_common_header = functools.lru_cache(_COMMON_HEADERS)(self._read_header)

    async def open(self, token: str, judge: Callable[[Claims], Judged]) -> Judged:
        """Return what is made of the claims of a token whose signature holds.

        Args:
            token: A JWS in compact serialization. Untrusted.
            judge: Checks the claims, of which nothing is checked yet, and makes something of them.

        Raises:
            InvalidTokenError: It is no such token.
            VerifierUnavailableError: Its key cannot be had at the moment.
            Exception: Whatever `judge` raises.
        """
        header, payload, signing_input, signature = parse_compact(
            token, max_length=self._max_length
        )
        common = len(header) <= _COMMON_HEADER_LENGTH
        read = self._read_common_header if common else self._read_header
        source, algorithm, kid = read(header)
        keys = source.known(algorithm, kid) or await source.find(algorithm, kid)
        _check_signature(keys, algorithm, signing_input, signature)
        return judge(decode_object(payload))

    def _read_header(self, segment: bytes) -> _Signed:
        header = decode_object(segment)
        self.check_header(header)
        return self._signed(header)

    def _signed(self, header: Mapping[str, Any]) -> _Signed:
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._sources:
            raise InvalidAlgorithmError("the token's algorithm is not accepted here")
        return self._sources[algorithm], algorithm, header.get("kid")

    def check_header(self, header: Mapping[str, Any]) -> None:
        """Check what a header says; keys that it offers are not even looked at."""
        kid, kind = header.get("kid"), header.get("typ", "JWT")
        if "kid" in header and not (isinstance(kid, str) and 0 < len(kid) <= _KID_MAX_LENGTH):
            raise UnsupportedTokenError("kid is not a short string")
        if not isinstance(kind, str) or _media_subtype(kind) not in self._types:
            raise UnsupportedTokenError("typ is not that of such a token")
        if "cty" in header and _media_subtype(header["cty"]) == "jwt":
            raise UnsupportedTokenError("a nested token")
        for name in _REFUSED_HEADERS:
            if name in header:
                raise UnsupportedTokenError(f"{name} in the header")

    async def check_signature(
        self, header: Mapping[str, Any], signing_input: bytes, signature: bytes
    ) -> None:
        """Check that an accepted key made the signature, by an algorithm of its own kind."""
        source, algorithm, kid = self._signed(header)
        keys = await source.find(algorithm, kid)
        _check_signature(keys, algorithm, signing_input, signature)


def _check_signature(
    keys: Sequence[VerificationKey], algorithm: str, signing_input: bytes, signature: bytes
) -> None:
    for key in keys:
        if key.verify(algorithm, signing_input, signature):
            return
    raise InvalidSignatureError("no key that fits made this signature")


def _media_subtype(kind: object) -> str:
    """Return a `typ` or `cty` as it compares (RFC 7515, section 4.1.9)."""
    return str(kind).lower().removeprefix("application/")
