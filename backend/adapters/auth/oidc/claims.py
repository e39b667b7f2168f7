"""The meaning of the claims of an OpenID Connect issuer, as the operator's settings say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.adapters.auth.claims import Claims, check_identifier
from backend.adapters.auth.user_claims import select, text, words
from backend.domain.auth import MissingClaimError, Principal

_ESCAPES: Final = (("~1", "/"), ("~0", "~"))  # RFC 6901, section 4: in this order


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimMapping:
    """Says which claim has which fact about the user. An empty name means that no claim has it.

    A name that starts with a slash is a JSON Pointer (RFC 6901), such as `/realm_access/roles`.
    Every other name is the name of a top-level claim, such as `https://example.com/roles`.

    Attributes:
        user_id: The claim with the user's id, which must be stable and never be given to another
            user.
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


def principal_mapping(
    mapping: ClaimMapping, claim_names: Sequence[str] = ()
) -> Callable[[Claims, float], Principal]:
    """Make the function that turns verified claims and their expiry into a principal.

    Args:
        mapping: Which claim has which fact.
        claim_names: The names of further claims to add to the principal.

    Returns:
        A function that raises `InvalidTokenError` if the user's id is missing or invalid.
    """
    pointers = (mapping.user_id, mapping.email, mapping.name, mapping.roles, mapping.scopes)

    def to_principal(claims: Claims, expires_at: float) -> Principal:
        facts = {name: find(claims, name) for name in pointers if name}
        user_id = facts[mapping.user_id]
        if user_id is None:
            raise MissingClaimError(mapping.user_id)
        check_identifier(mapping.user_id, user_id)
        email = text(facts, mapping.email)
        return Principal(
            user_id=user_id,
            expires_at=expires_at,
            email=email,
            name=text(facts, mapping.name),
            roles=_words(facts, mapping.roles, separator=","),
            scopes=_words(facts, mapping.scopes, separator=" "),
            email_verified=email is not None and find(claims, mapping.email_verified) is True,
            claims=select({name: find(claims, name) for name in claim_names}, claim_names),
        )

    return to_principal


def find(claims: Claims, name: str) -> Any:
    """Return the value of a claim, or of a member that a JSON Pointer names; None if missing.

    Pointers go through objects only: lists have no members with stable names.
    """
    if not name.startswith("/"):
        return claims.get(name)
    value: Any = claims
    for part in name[1:].split("/"):
        for escape, character in _ESCAPES:
            part = part.replace(escape, character)  # noqa: PLW2901 - both escapes of a part
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _words(facts: Mapping[str, Any], name: str, *, separator: str) -> frozenset[str]:
    return words(facts, name, separator=separator) if name else frozenset()
