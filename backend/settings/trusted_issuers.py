"""The issuers of `AUTH_TRUSTED_ISSUERS`. Each has its own settings, with the usual checks."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from backend.settings.authentication import AuthSettings
from backend.settings.complaints import Complaint, ConfigurationError, errors_of
from backend.settings.issuer_list import (
    COMMON,
    NAME,
    OF_ISSUER,
    PREFIX,
    VARIABLE,
    Entry,
    beside_issuer_list,
    parse_issuer_list,
)
from backend.settings.sources import Sources
from backend.settings.validation import validated
from backend.settings.values import Provider

_BASE_PATH: Final = "/api/auth"  # of Better Auth, unless its URL has a path
_NO_ISSUER: Final = Complaint(
    "AUTH_ISSUER",
    "without an issuer, the tokens of this entry cannot be found",
    "Set it to the issuer, exactly as its tokens have it in iss.",
)


class IssuerSettings(AuthSettings):
    """The settings of an issuer among several.

    Attributes:
        workers: The number of processes of this server that fetch its key set.
    """

    workers: int = 1

    @property
    def processes(self) -> int:
        """How many processes of this server fetch its key set."""
        return self.workers


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """An issuer among several.

    Attributes:
        name: Its name in metrics and messages.
        user_id_prefix: The prefix of the ids of its users. Empty: the ids are those of the tokens.
        settings: Its settings.
    """

    name: str
    user_id_prefix: str
    settings: IssuerSettings


def trusted_issuers(settings: AuthSettings) -> tuple[TrustedIssuer, ...]:
    """Return the issuers of `AUTH_TRUSTED_ISSUERS`; an empty result without that variable.

    Args:
        settings: The settings of the server.

    Raises:
        ConfigurationError: The list, or a setting beside it, is wrong.
    """
    if settings.auth_trusted_issuers is None:
        return ()
    values = {name: getattr(settings, name) for name in settings.model_fields_set}
    common = {name: getattr(settings, name) for name in COMMON}
    common["workers"] = settings.processes
    issuers, complaints = _read_issuers(settings.auth_trusted_issuers, VARIABLE, common)
    if errors := errors_of([*beside_issuer_list(values), *complaints]):
        raise ConfigurationError(errors)
    return tuple(issuers)


def with_other_values(
    settings: AuthSettings, change: Callable[[AuthSettings], Mapping[str, str | tuple[str, ...]]]
) -> SecretStr:
    """Return the list of issuers, with other values of some settings of each.

    Args:
        settings: The settings of the server.
        change: Takes the settings of an issuer, and returns the other values by setting.

    Raises:
        ConfigurationError: The list, or a setting beside it, is wrong.
    """
    issuers = trusted_issuers(settings)
    entries = parse_issuer_list(settings.auth_trusted_issuers)
    changed = []
    for issuer, entry in zip(issuers, entries, strict=True):
        values = {**entry.values, **change(issuer.settings)}
        members = {name.upper(): value for name, value in values.items()}
        changed.append({NAME: issuer.name, PREFIX: issuer.user_id_prefix, **members})
    return SecretStr(json.dumps(changed))


def issuer_complaints(value: object, variable: str) -> list[Complaint]:
    """Return every problem of a list of issuers.

    Args:
        value: The list, or its text.
        variable: The variable to name: `AUTH_TRUSTED_ISSUERS`, or the variable of its file.
    """
    _, complaints = _read_issuers(value, variable, {})
    return complaints


def _read_issuers(
    value: object, variable: str, common: Mapping[str, Any]
) -> tuple[list[TrustedIssuer], list[Complaint]]:
    try:
        entries = parse_issuer_list(value)
    except ValueError as error:
        remedy = "Write a JSON list with an object for each issuer: see docs/several-issuers.md."
        return [], [Complaint(variable, str(error), remedy, meant=VARIABLE)]
    issuers: list[TrustedIssuer] = []
    complaints: list[Complaint] = []
    for entry in entries:
        sources = Sources({**common, **entry.values}, {}, ())
        settings, found = validated(IssuerSettings, sources)
        issuer = TrustedIssuer(
            name=entry.name, user_id_prefix=entry.prefix or "", settings=settings
        )
        issuers.append(issuer)
        own = [_within(entry, variable, complaint) for complaint in entry.complaints]
        own += [_of_entry(entry, variable, complaint) for complaint in found]
        if not errors_of(own) and not accepted_issuers(settings):
            own.append(_within(entry, variable, _NO_ISSUER))
        complaints += own
    complaints += [
        _within(entry, variable, complaint)
        for (issuer, _), (other, entry) in combinations(zip(issuers, entries, strict=True), 2)
        for complaint in _conflicts(issuer, other)
    ]
    return issuers, list(dict.fromkeys(complaints))  # proxies concern every entry


def accepted_issuers(settings: AuthSettings) -> frozenset[str]:
    """Return the values of `iss` that an issuer may write in its tokens; empty if unknown.

    Args:
        settings: The settings of the issuer.
    """
    if settings.auth_provider is Provider.OIDC:
        return frozenset([settings.oidc_issuer] if settings.oidc_issuer else [])
    if settings.auth_issuer or not settings.better_auth_url:
        return frozenset(settings.auth_issuer)
    url = urlsplit(settings.better_auth_url)
    origin = f"{url.scheme}://{url.netloc}"
    oauth = f"{origin}{url.path.rstrip('/') or _BASE_PATH}"
    return frozenset([origin, oauth] if settings.auth_resource else [origin])


def _conflicts(issuer: TrustedIssuer, other: TrustedIssuer) -> Iterator[Complaint]:
    """Complain about members of `other`, because the two issuers cannot be distinguished."""
    name = f'"{issuer.name}"' if issuer.name else "another entry"
    if issuer.name and issuer.name == other.name:
        yield Complaint(NAME, "two entries have this name", "Give each issuer its own name.")
    if accepted_issuers(issuer.settings) & accepted_issuers(other.settings):
        problem = f"{name} accepts tokens with the same iss, so the keys cannot be chosen"
        remedy = "Remove one of the two entries, or change its AUTH_ISSUER."
        yield Complaint("iss", problem, remedy)
    if not {*issuer.settings.secrets}.isdisjoint(other.settings.secrets):
        problem = f"{name} has the same secret, so each of the two can make tokens of the other"
        remedy = "Use a secret of its own for each issuer."
        yield Complaint("BETTER_AUTH_SECRET", problem, remedy)
    prefixes = sorted([issuer.user_id_prefix, other.user_id_prefix], key=len)
    if prefixes[0] and prefixes[0] != prefixes[1] and prefixes[1].startswith(prefixes[0]):
        longer, shorter = f'"{prefixes[1]}"', f'"{prefixes[0]}"'
        problem = f"{longer} begins with {shorter}, so two users could have the same id"
        remedy = f"Change it, or the prefix of {name}: no prefix may begin with another."
        yield Complaint(PREFIX, problem, remedy)
    resources = {issuer.settings.auth_resource, other.settings.auth_resource} - {None}
    if len(resources) > 1:
        problem = f"{name} has another AUTH_RESOURCE, but this API has one URL"
        yield Complaint("AUTH_RESOURCE", problem, "Use the same URL in all entries.")


def _of_entry(entry: Entry, variable: str, complaint: Complaint) -> Complaint:
    """Add the entry to a complaint. Some complaints are about the environment of the server."""
    if complaint.variable.lower() not in OF_ISSUER:
        return complaint
    return _within(entry, variable, complaint)


def _within(entry: Entry, variable: str, complaint: Complaint) -> Complaint:
    """Turn a complaint about a member of an entry into a complaint about the variable."""
    problem = f"{entry.label}: {complaint.variable}: {complaint.problem}"
    return replace(complaint, variable=variable, problem=problem, meant=VARIABLE)
