"""Several trusted issuers: the claim `iss` of a token chooses the keys and the rules.

The issuer is read before the signature is verified, and before any key is fetched. This order is
safe: each verifier has the keys of its own issuer only, and checks the issuer again (RFC 8725,
section 3.8). A wrong `iss` leads to keys that did not sign the token.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from backend.adapters.auth.claims import Claims, ToPrincipal, check_identifier
from backend.adapters.auth.jose.jws import TOKEN_MAX_LENGTH, decode_base64url, parse_compact
from backend.adapters.auth.redaction.values import any_of
from backend.domain.auth import (
    InvalidClaimError,
    InvalidIssuerError,
    MalformedTokenError,
    MissingClaimError,
    Principal,
    TokenVerifier,
)


class _Payload(msgspec.Struct):
    # Other members are skipped and not decoded, so the cost of every payload is small.
    iss: str | None = None


_READER: Final = msgspec.json.Decoder(_Payload)


class IssuerTokenVerifier:
    """Verifies the tokens of several issuers, each with the verifier of its issuer.

    Args:
        verifiers: The verifiers, by the exact value of `iss` in their tokens. Each of them must
            accept tokens of its own issuer only.
        max_length: The maximum number of characters of a token.

    Attributes:
        verifiers: The verifiers; metrics read the state of their caches.
    """

    def __init__(
        self, verifiers: Mapping[str, TokenVerifier], *, max_length: int = TOKEN_MAX_LENGTH
    ) -> None:
        self.verifiers: Final = verifiers
        self._max_length = max_length
        self._expected = any_of(frozenset(verifiers))

    async def verify(self, token: str, /) -> Principal:
        """Verify a bearer token.

        Args:
            token: A JWS in compact serialization. Untrusted.

        Raises:
            AuthError: The token is not valid. `InvalidIssuerError` if no verifier is for its
                issuer; then no key is fetched.
            VerifierUnavailableError: The keys of its issuer are not available now.
        """
        verifier = self.verifiers.get(issuer_of(token, max_length=self._max_length))
        if verifier is None:
            # The claim is not verified, so the error does not quote it.
            raise InvalidIssuerError("iss is not a trusted issuer", expected=self._expected)
        return await verifier.verify(token)


def issuer_of(token: str, *, max_length: int) -> str:
    """Read the claim `iss` of a token, whose signature is not verified.

    Args:
        token: A JWS in compact serialization. Untrusted.
        max_length: The maximum number of characters; longer tokens are not read.

    Raises:
        MalformedTokenError: The token is not a JWS with a JSON object.
        MissingClaimError: The token does not name its issuer.
        InvalidIssuerError: The claim is not a string.
    """
    _, segment, *_ = parse_compact(token, max_length=max_length)
    payload = decode_base64url(segment)
    try:
        issuer = _read_issuer(payload)
    except msgspec.ValidationError:
        raise InvalidIssuerError("iss is not a string") from None
    except (ValueError, RecursionError):
        raise MalformedTokenError("not strict JSON") from None
    if issuer is None:
        raise MissingClaimError("iss")
    return issuer


def _read_issuer(payload: bytes) -> str | None:
    try:
        return _READER.decode(payload).iss
    except msgspec.ValidationError:
        raise
    except ValueError:
        # JavaScript writes half an emoji as an escape that the reader refuses. Any other
        # character does for a text that is skipped. All of these are private characters of
        # Unicode: another text, such as `\ud069ss`, must not become `iss`.
        without_surrogates = payload.replace(b"\\ud", b"\\ue").replace(b"\\uD", b"\\ue")
        return _READER.decode(without_surrogates).iss


def with_user_id_prefix(
    to_principal: ToPrincipal, prefix: str, *, reserved: tuple[str, ...]
) -> ToPrincipal:
    """Let the ids of an issuer's users start with a prefix, so that two users never share an id.

    Args:
        to_principal: Maps verified claims and their expiry to a principal.
        prefix: The prefix. Empty: the ids stay as they are.
        reserved: The prefixes of other issuers, with which no id of this issuer may start.

    Returns:
        A mapping that raises `InvalidClaimError` if the id starts with a reserved prefix, or is
        too long with its own.
    """

    def to_prefixed_principal(claims: Claims, expires_at: float) -> Principal:
        principal = to_principal(claims, expires_at)
        user_id = prefix + principal.user_id
        if user_id.startswith(reserved):
            raise InvalidClaimError("sub", "starts with the prefix of another issuer's users")
        if not prefix:
            return principal
        check_identifier("sub", user_id)
        return principal._replace(user_id=user_id)

    return to_prefixed_principal
