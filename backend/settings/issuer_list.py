"""`AUTH_TRUSTED_ISSUERS`: the text of the list, and the settings in its entries."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Annotated, Any, Final, NoReturn

from pydantic import BeforeValidator, SecretStr

from backend.settings.complaints import Complaint
from backend.settings.raw_values import is_off

VARIABLE: Final = "AUTH_TRUSTED_ISSUERS"
NAME: Final = "name"
PREFIX: Final = "user_id_prefix"

# The settings of an issuer. With a list, they are in its entries only.
OF_ISSUER: Final = frozenset(
    {
        *("better_auth_url", "better_auth_secret", "better_auth_secrets"),
        *("auth_provider", "auth_jwks_url", "auth_issuer", "auth_audience", "auth_resource"),
        *("auth_machine_tokens", "auth_algorithms", "auth_allow_http", "auth_claims"),
        *("oidc_issuer", "oidc_claim_user_id", "oidc_claim_email", "oidc_claim_email_verified"),
        *("oidc_claim_name", "oidc_claim_roles", "oidc_claim_scopes", "oidc_claim_audience"),
    }
)
# The settings of the server that hold for every issuer.
COMMON: Final = (
    *("auth_leeway", "auth_max_lifetime", "auth_token_max_bytes", "auth_token_cache_size"),
    *("auth_jwks_max_age", "auth_jwks_max_stale"),
)

_MEMBERS: Final = (NAME, PREFIX, *(setting.upper() for setting in sorted(OF_ISSUER)))
_BY_UPPER_CASE: Final = {member.upper(): member for member in _MEMBERS}
_MAX_ENTRIES: Final = 100
_SHOWABLE: Final = re.compile(r"[A-Za-z_]{1,40}")  # secrets have other characters too
_NAME: Final = re.compile(r"[\w.-]{1,64}", re.ASCII)
_PREFIX: Final = re.compile(r"[!-~]{0,64}")
# These complaints, and those of `Entry`, name a member of an entry in place of a variable.
_NO_NAME: Final = Complaint(
    NAME,
    "not a name of 1 to 64 letters, digits, dots, dashes and underscores",
    "Name the issuer: metrics and messages show the name.",
)
_NO_PREFIX: Final = Complaint(
    PREFIX,
    "not a text of at most 64 printable ASCII characters without spaces",
    'Write what the ids of its users start with, such as "preview:", or "" to keep the ids.',
)
_COOKIE: Final = Complaint(
    "AUTH_COOKIE",
    "a session cookie does not name its issuer, so AUTH_TRUSTED_ISSUERS cannot choose the keys",
    "Set AUTH_COOKIE=off, or trust one issuer and unset AUTH_TRUSTED_ISSUERS.",
)
_SESSION_TOKENS: Final = Complaint(
    "AUTH_SESSION_TOKENS",
    "a session token does not name its issuer, so AUTH_TRUSTED_ISSUERS cannot choose whom to ask",
    "Set AUTH_SESSION_TOKENS=off, or trust one issuer and unset AUTH_TRUSTED_ISSUERS.",
)


def _to_text(value: object) -> object:
    """Write the list of a program in the format of the environment."""
    if not isinstance(value, list | tuple):
        return value
    try:
        return json.dumps(value)
    except (TypeError, RecursionError):
        raise ValueError("not a list of objects with texts") from None


IssuerList = Annotated[SecretStr, BeforeValidator(_to_text)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the list, unchanged.

    Attributes:
        label: The number and the name of the entry, for messages.
        name: The name; empty if the name is invalid.
        prefix: The prefix of the ids of its users; None if the prefix is missing or invalid.
        values: The values of its settings, in the format of environment variables.
        complaints: The problems of its members. The variable of each is the member.
    """

    label: str
    name: str
    prefix: str | None
    values: Mapping[str, str]
    complaints: tuple[Complaint, ...]


def beside_issuer_list(raw: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain about settings that `AUTH_TRUSTED_ISSUERS` replaces.

    Args:
        raw: The settings that are set, before validation; values may be invalid.
    """
    for setting in sorted(OF_ISSUER):
        if raw.get(setting):
            yield Complaint(
                setting.upper(),
                f"each entry of {VARIABLE} has its own, so this value has no effect",
                f"Move it into the entries of {VARIABLE}, or unset it.",
            )
    if not is_off(raw, "auth_cookie"):
        yield _COOKIE
    if not is_off(raw, "auth_session_tokens"):
        yield _SESSION_TOKENS


def parse_issuer_list(value: object) -> list[Entry]:
    """Read the entries of the list.

    Args:
        value: The text of the list, or the list itself.

    Raises:
        ValueError: The value is not a list of objects. The message does not quote the value.
    """
    text = value.get_secret_value() if isinstance(value, SecretStr) else _to_text(value)
    try:
        entries = json.loads(
            str(text), object_pairs_hook=_unique_members, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        problem = f"{error.msg[0].lower()}{error.msg[1:]}"
        raise ValueError(
            f"not JSON: {problem}, in line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise ValueError("not JSON: too deeply nested") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("not a list of objects")
    if not 0 < len(entries) <= _MAX_ENTRIES:
        raise ValueError(f"the list must have 1 to {_MAX_ENTRIES} entries")
    return [_entry(number, members) for number, members in enumerate(entries, start=1)]


def _entry(number: int, members: Mapping[str, Any]) -> Entry:
    name, prefix = members.get(NAME), members.get(PREFIX)
    is_named = isinstance(name, str) and _NAME.fullmatch(name) is not None
    has_prefix = isinstance(prefix, str) and _PREFIX.fullmatch(prefix) is not None
    complaints = list(_unknown_members(members))
    if not is_named:
        complaints.append(_missing_or_invalid(members, _NO_NAME))
    if not has_prefix:
        complaints.append(_missing_or_invalid(members, _NO_PREFIX))
    values = {}
    for member in sorted(members.keys() & {*_MEMBERS} - {NAME, PREFIX}):
        text = _as_variable(members[member])
        if text is None:
            problem = "neither a text, true, false, nor a list of texts without commas"
            remedy = "Write it as the environment variable has it."
            complaints.append(Complaint(member, problem, remedy))
        elif text:  # like an empty environment variable
            values[member.lower()] = text
    return Entry(
        label=f"entry {number} ({name})" if is_named else f"entry {number}",
        name=str(name) if is_named else "",
        prefix=str(prefix) if has_prefix else None,
        values=values,
        complaints=tuple(complaints),
    )


def _missing_or_invalid(members: Mapping[str, Any], invalid: Complaint) -> Complaint:
    return invalid if invalid.variable in members else replace(invalid, problem="is missing")


def _unknown_members(members: Mapping[str, Any]) -> Iterator[Complaint]:
    for member in sorted(members.keys() - {*_MEMBERS}):
        if not _SHOWABLE.fullmatch(member):
            yield Complaint("a member", "its name is not the name of a setting", "Remove it.")
            continue
        similar = get_close_matches(member.upper(), _BY_UPPER_CASE, n=1, cutoff=0.8)
        remedy = (
            f"Rename it to {_BY_UPPER_CASE[similar[0]]}, or remove it." if similar else "Remove it."
        )
        if member.lower() in COMMON:
            remedy = "Set it in the environment: it holds for every issuer."
        if member.endswith("_FILE"):
            remedy = f"Write the list into a file, and set {VARIABLE}_FILE to its path."
        yield Complaint(member, "not a setting of an issuer", remedy)


def _as_variable(value: object) -> str | None:
    """Return a value in the format of an environment variable; None if that is impossible."""
    match value:
        case str():
            return value
        case bool():
            return "on" if value else "off"
        case list() if all(isinstance(item, str) and "," not in item for item in value):
            return ",".join(value)
        case _:
            return None


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object has two members with the same name")
    return members


def _no_constant(_: str) -> NoReturn:
    raise ValueError("not JSON: NaN and Infinity are not JSON")
