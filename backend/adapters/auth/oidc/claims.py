"""The meaning of the claims of an OpenID Connect issuer, as the operator's settings define it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.adapters.auth.claims import Claims, ToPrincipal, check_identifier
from backend.adapters.auth.user_claims import select, text, words
from backend.domain.auth import MissingClaimError, Principal, UnsupportedTokenError

# Keycloak writes the kind of a token into the payload. Only `Bearer` is an access token.
_NOT_ACCESS_TOKENS: Final = frozenset({"id", "logout", "offline", "refresh"})

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimMapping:
    """The names of the claims with facts about the user. An empty name: no claim has the fact.

    A name that starts with a slash is a JSON Pointer (RFC 6901), such as `/realm_access/roles`.
    Every other name is the name of a top-level claim, such as `https://example.com/roles`.

    Attributes:
        user_id: The claim with the user's id. The issuer must never change or reuse such an id.
        email: The claim with the e-mail address.
        email_verified: The claim that is true if the issuer has checked the e-mail address.
        name: The claim with the display name.
        roles: The claim with the roles: a list, or a string with commas.
        scopes: The claim with the scopes: a list, or a string with spaces.
    """

    user_id: str = "sub"
    email: str = "email"
    email_verified: str = "email_verified"
    name: str = "name"
    roles: str = ""
    scopes: str = "scope"


def principal_mapping(mapping: ClaimMapping, claim_names: Sequence[str] = ()) -> ToPrincipal:
    """Make the function that turns verified claims and their expiry into a principal.

    Args:
        mapping: The names of the claims.
        claim_names: The names of further claims to add to the principal.

    Returns:
        A function that raises `InvalidTokenError` if the token is not an access token, or if the
        user's id is missing or invalid.
    """
    names = (mapping.user_id, mapping.email, mapping.name, mapping.roles, mapping.scopes)
    paths = {name: path_of(name) for name in (*names, mapping.email_verified) if name}
    custom_paths = {name: path_of(name) for name in claim_names}

    def to_principal(claims: Claims, expires_at: float) -> Principal:
        _check_kind(claims)
        facts = {name: find(claims, path) for name, path in paths.items()}
        user_id = facts[mapping.user_id]
        if user_id is None:
            raise MissingClaimError(mapping.user_id)
        check_identifier(mapping.user_id, user_id)
        email = text(facts, mapping.email)
        custom = {name: find(claims, path) for name, path in custom_paths.items()}
        return Principal(
            user_id=user_id,
            expires_at=expires_at,
            email=email,
            name=text(facts, mapping.name),
            roles=words(facts, mapping.roles, separator=","),
            scopes=words(facts, mapping.scopes, separator=" "),
            email_verified=email is not None and facts.get(mapping.email_verified) is True,
            claims=select(custom, claim_names),
        )

    return to_principal


def path_of(name: str) -> Path:
    """Return the member names from the top of the claims to a fact.

    Args:
        name: The name of a top-level claim, or a JSON Pointer.
    """
    if not name.startswith("/"):
        return (name,)
    # RFC 6901, section 4: `~1` is replaced first, so that `~01` becomes `~1`.
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in name[1:].split("/"))


def find(claims: Claims, path: Path) -> Any:
    """Return the value at a path; None if the value is missing.

    Paths go through objects only: the members of a list have no stable names.
    """
    value: Any = claims
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _check_kind(claims: Claims) -> None:
    """Refuse tokens that the issuer signs with the same keys for another purpose."""
    kind = claims.get("typ")
    if isinstance(kind, str) and kind.lower() in _NOT_ACCESS_TOKENS:
        raise UnsupportedTokenError("typ of the payload: not an access token")
    if "events" in claims:  # RFC 8417, section 2.2
        raise UnsupportedTokenError("events: a security event or a logout token")
