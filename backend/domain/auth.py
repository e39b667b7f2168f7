"""Authentication: the principal, the port that verifies tokens, and its errors.

`TokenVerifier.verify` returns a `Principal`, or raises an `AuthError` (the caller gets 401), or
raises a `VerifierUnavailableError` if it cannot decide now (503). The two errors share no base
class except `Exception`. So an outage does not log users out.

Each `AuthError` has a `code` for the caller and an exact `reason` for the operator. All subclasses
of `InvalidTokenError` share the code `invalid_token`:

    AuthError                      reason
      MissingTokenError              missing_token
      MalformedAuthorizationError    malformed_authorization
      ExpiredTokenError              token_expired
      InvalidTokenError              invalid_token
        MalformedTokenError            malformed_token
        UnsupportedTokenError          unsupported_token
        InvalidAlgorithmError          invalid_algorithm
        UnknownKeyError                unknown_key
        InvalidSignatureError          invalid_signature
        ImmatureTokenError             immature_token
        InvalidIssuerError             invalid_issuer
        InvalidAudienceError           invalid_audience
        MissingClaimError              missing_claim
        InvalidClaimError              invalid_claim
        InactiveTokenError             inactive_token
        MachineTokenError              machine_token
    VerifierUnavailableError
"""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

from backend.domain.read_only import EMPTY


class Principal(NamedTuple):
    """The authenticated user of a request.

    A guard that decides by `email` must also check `email_verified`. Without that check, anybody
    who signs up with another person's address gets the rights of that person.

    No field contains a lone surrogate, so every text can be encoded as UTF-8.

    Attributes:
        user_id: The issuer's stable id of the user (the `sub` claim). Never empty.
        expires_at: When the credential expires, in seconds since the epoch, up to the year 9999.
        email: The user's e-mail address, or None if the issuer does not disclose it.
        name: The user's display name, or None if the issuer does not disclose it.
        roles: The roles that the issuer assigns to the user.
        scopes: The OAuth scopes that the token was granted (RFC 6749, section 3.3).
        email_verified: Whether the issuer has checked that the user controls `email`. Never true
            without an e-mail address.
        claims: Further claims that the operator chose (`AUTH_CLAIMS`), by name. Read-only.
        is_machine: Whether a client got the token for itself (`AUTH_MACHINE_TOKENS`). Then
            `user_id` is the id of the client.
    """

    user_id: str
    expires_at: float
    email: str | None = None
    name: str | None = None
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    email_verified: bool = False
    claims: Mapping[str, Any] = EMPTY
    is_machine: bool = False


class TokenVerifier(Protocol):
    """Port: turns a token into the principal that it authenticates.

    An implementation makes all checks; no later code checks the token. Requests call `verify`
    concurrently.
    """

    async def verify(self, token: str, /) -> Principal:
        """Verify a token, and return the user that the issuer issued it to.

        Args:
            token: The credential as the client sent it, without the `Bearer` scheme. Untrusted.

        Raises:
            AuthError: The token is not valid. `ExpiredTokenError` if it was valid and has expired.
            VerifierUnavailableError: The verifier cannot decide now, for example because the
                issuer's keys cannot be fetched.
        """
        ...


class AuthError(Exception):
    """The request is not authenticated.

    `code` and `detail` are for the caller: they are stable and reveal nothing about the token.
    `reason`, the message, `found` and `expected` are for the operator: they go to the log, the
    `reason` also to the metrics, and never to the caller. The message never quotes the token.
    `found` is a value in the token, and `expected` names the accepted values. Neither contains a
    secret; both may be empty.
    """

    code: ClassVar[str] = "invalid_token"
    detail: ClassVar[str] = "The access token is invalid."
    reason: ClassVar[str] = "invalid_token"

    def __init__(self, message: str = "", *, found: str = "", expected: str = "") -> None:
        super().__init__(message)
        self.found, self.expected = found, expected


class MissingTokenError(AuthError):
    """The request carries no credentials."""

    code = reason = "missing_token"
    detail = "This resource needs an access token."


class MalformedAuthorizationError(AuthError):
    """The request does not carry exactly one well-formed credential (RFC 6750, section 2)."""

    code = reason = "malformed_authorization"
    detail = "Send exactly one `Authorization: Bearer <token>` header."


class ExpiredTokenError(AuthError):
    """The token was valid and has expired (RFC 7519, section 4.1.4)."""

    code = reason = "token_expired"
    detail = "The access token has expired."


class InvalidTokenError(AuthError):
    """The token is invalid, and not only expired. Subclasses give the exact reason."""


class MalformedTokenError(InvalidTokenError):
    """The token cannot be parsed, for example as a compact JWS (RFC 7515, section 7.1)."""

    reason = "malformed_token"


class UnsupportedTokenError(InvalidTokenError):
    """The token is well-formed, but is not a bearer access token (RFC 8725, section 3.11)."""

    reason = "unsupported_token"


class InvalidAlgorithmError(InvalidTokenError):
    """The token's algorithm is not accepted (RFC 8725, section 3.1)."""

    reason = "invalid_algorithm"


class UnknownKeyError(InvalidTokenError):
    """No published key matches the token's key id."""

    reason = "unknown_key"


class InvalidSignatureError(InvalidTokenError):
    """The signature does not match (RFC 7515, section 5.2)."""

    reason = "invalid_signature"


class ImmatureTokenError(InvalidTokenError):
    """The token is not valid yet: `nbf` or `iat` is in the future (RFC 7519, section 4.1)."""

    reason = "immature_token"


class InvalidIssuerError(InvalidTokenError):
    """The issuer (`iss`) is not accepted (RFC 7519, section 4.1.1)."""

    reason = "invalid_issuer"


class InvalidAudienceError(InvalidTokenError):
    """The token is for another audience (`aud`; RFC 7519, section 4.1.3)."""

    reason = "invalid_audience"


class MissingClaimError(InvalidTokenError):
    """A required claim is missing. `claim` is its name."""

    reason = "missing_claim"

    def __init__(self, claim: str) -> None:
        super().__init__(f"{claim} is missing")
        self.claim = claim


class InvalidClaimError(InvalidTokenError):
    """A claim has the wrong type or a value that is not allowed. `claim` is its name."""

    reason = "invalid_claim"

    def __init__(self, claim: str, problem: str) -> None:
        super().__init__(f"{claim} {problem}")
        self.claim = claim


class InactiveTokenError(InvalidTokenError):
    """The issuer says that the token or its user is not active, for example banned."""

    reason = "inactive_token"


class MachineTokenError(InvalidTokenError):
    """The token was issued to a client for itself, and not for a user (RFC 6749, section 4.4)."""

    reason = "machine_token"


class VerifierUnavailableError(Exception):
    """The verifier cannot decide now if a token is valid; try again in `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
