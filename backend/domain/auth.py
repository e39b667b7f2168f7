"""Who is calling: the principal, the port that verifies tokens, and how verification fails.

Two outcomes are kept apart on purpose. "The token is bad" is an `AuthError` and ends in a 401.
"I cannot tell" is a `VerifierUnavailableError` and ends in a 503: an issuer's outage must not
log anyone out. They share no ancestor below `Exception`.

    AuthError
      MissingTokenError              missing_token
      MalformedAuthorizationError    malformed_authorization
      ExpiredTokenError              token_expired
      InvalidTokenError              invalid_token, and a precise reason for the operator:
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
    VerifierUnavailableError
"""

from typing import ClassVar, NamedTuple, Protocol


class Principal(NamedTuple):
    """The verified caller.

    Attributes:
        user_id: The issuer's stable identifier of the user (`sub`); never empty.
        expires_at: When the credential stops being valid, in seconds since the epoch; at the latest
            at the end of the year 9999.
        email: The user's e-mail address, where the issuer discloses it.
        name: The user's display name, where the issuer discloses it.
        roles: Roles that the issuer asserts.
        scopes: OAuth scopes that the token was granted (RFC 6749, section 3.3).
    """

    user_id: str
    expires_at: float
    email: str | None = None
    name: str | None = None
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()


class TokenVerifier(Protocol):
    """Turns a token into the principal it stands for."""

    async def verify(self, token: str, /) -> Principal:
        """Verify one token; nobody checks it any further.

        Args:
            token: The credential as it was sent, without its scheme. Untrusted.

        Returns:
            The principal that the token was issued to.

        Raises:
            AuthError: The token is not valid; `ExpiredTokenError` if it was.
            VerifierUnavailableError: Nobody can tell at the moment.
        """
        ...


class AuthError(Exception):
    """The credentials do not authenticate anyone.

    The class speaks to the caller: `code` and `detail` are stable and say nothing about the
    token. The message and `reason` speak to the operator's log and never leave the server.
    """

    code: ClassVar[str] = "invalid_token"
    detail: ClassVar[str] = "The access token is invalid."
    reason: ClassVar[str] = "invalid_token"


class MissingTokenError(AuthError):
    """The request carries no credentials at all."""

    code = "missing_token"
    detail = "This resource needs an access token."
    reason = "missing_token"


class MalformedAuthorizationError(AuthError):
    """The request carries something that is not one bearer token (RFC 6750, section 2.1)."""

    code = "malformed_authorization"
    detail = "Credentials must be sent once: an Authorization header of 'Bearer' and a token."
    reason = "malformed_authorization"


class ExpiredTokenError(AuthError):
    """The token was valid once (RFC 7519, section 4.1.4)."""

    code = "token_expired"
    detail = "The access token has expired."
    reason = "token_expired"


class InvalidTokenError(AuthError):
    """The token is not, and never was, one to accept here."""


class MalformedTokenError(InvalidTokenError):
    """Not a JWS in compact serialization with JSON objects in it (RFC 7515, section 7.1)."""

    reason = "malformed_token"


class UnsupportedTokenError(InvalidTokenError):
    """A well-formed token of a kind that is no bearer access token (RFC 8725, section 3.11)."""

    reason = "unsupported_token"


class InvalidAlgorithmError(InvalidTokenError):
    """Signed with an algorithm that is not accepted here (RFC 8725, section 3.1)."""

    reason = "invalid_algorithm"


class UnknownKeyError(InvalidTokenError):
    """Signed with a key that the issuer does not publish."""

    reason = "unknown_key"


class InvalidSignatureError(InvalidTokenError):
    """The signature does not match (RFC 7515, section 5.2)."""

    reason = "invalid_signature"


class ImmatureTokenError(InvalidTokenError):
    """Not valid yet (`nbf`, `iat`; RFC 7519, sections 4.1.5 and 4.1.6)."""

    reason = "immature_token"


class InvalidIssuerError(InvalidTokenError):
    """Issued by someone else (RFC 7519, section 4.1.1)."""

    reason = "invalid_issuer"


class InvalidAudienceError(InvalidTokenError):
    """Meant for someone else (RFC 7519, section 4.1.3)."""

    reason = "invalid_audience"


class MissingClaimError(InvalidTokenError):
    """Lacks a claim that is required here.

    Attributes:
        claim: Its name.
    """

    reason = "missing_claim"

    def __init__(self, claim: str) -> None:
        super().__init__(f"no {claim}")
        self.claim = claim


class InvalidClaimError(InvalidTokenError):
    """Carries a claim of the wrong type or out of bounds."""

    reason = "invalid_claim"


class InactiveTokenError(InvalidTokenError):
    """The issuer says that the token is not active (RFC 7662, section 2.2)."""

    reason = "inactive_token"


class VerifierUnavailableError(Exception):
    """Whether a token is valid cannot be told now, through no fault of the caller.

    Attributes:
        retry_after: Seconds after which trying again makes sense.
    """

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
