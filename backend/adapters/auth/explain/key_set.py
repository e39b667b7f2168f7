"""Describes the keys that a command used, and the tokens that the configuration accepts.

A running server may have an older key set, so its answers may differ from those of the command.
"""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from backend.adapters.auth.better_auth.tokens import origin_of
from backend.adapters.auth.claims import ClaimsPolicy
from backend.adapters.auth.explain.context import utc
from backend.adapters.auth.redaction.values import any_of, quoted
from backend.domain.diagnosis import Finding, KeySetState

RUNNING_SERVER: Final = (
    "a running server may still use the set of its last fetch: see /health/ready"
)

_WELL_KNOWN: Final = "/.well-known/openid-configuration"  # the metadata, not the key set
_MAX_KIDS: Final = 5
_INTERNAL_DOMAINS: Final = (".internal", ".local", ".localdomain", ".svc")


def key_set_finding(state: KeySetState, url: str | None, *, now: float) -> Finding:
    """Describe the key set that a command fetched.

    Args:
        state: The state of the command's own key set.
        url: The URL of the key set, or of the metadata that name it.
        now: The time in seconds since the epoch.
    """
    if state.age is None:
        problem = state.error or "no fetch has finished"
        found = f"no key set from {url} at {utc(now)}: {problem}"
        return Finding(check="key set", checked=False, found=found)
    fetched = fetched_keys(state.kids, now - state.age)
    source = f"the key set that {url} names" if url and _WELL_KNOWN in url else url
    return Finding(check="key set", found=f"{fetched} from {source}; {RUNNING_SERVER}")


def fetched_keys(kids: Sequence[str], fetched_at: float) -> str:
    """Describe keys and the time of their fetch.

    Args:
        kids: The ids of the keys; empty for a key without an id.
        fetched_at: When they were fetched, in seconds since the epoch.
    """
    shown = [quoted(kid, name="kid") if kid else "without id" for kid in kids[:_MAX_KIDS]]
    if len(kids) > _MAX_KIDS:
        shown.append(f"{len(kids) - _MAX_KIDS} more")
    return f"{', '.join(shown) or 'no key'}, which this command fetched at {utc(fetched_at)}"


def accepted_tokens(policy: ClaimsPolicy, url: str, internal_address: str | None) -> Finding:
    """Describe the required issuer and audience, and how to configure two addresses.

    Args:
        policy: The rules for the claims.
        url: The URL of the key set.
        internal_address: The advice if the address is known only in a private network; None without
            advice.
    """
    issuers, audiences = any_of(policy.issuers) or "any", any_of(policy.audiences) or "none"
    found = f"tokens must have the issuer {issuers} and the audience {audiences}"
    if policy.audience_claim != "aud":
        found += f" in {policy.audience_claim}"
    if (
        internal_address
        and origin_of(url) in policy.issuers
        and _is_internal(urlsplit(url).hostname or "")
    ):
        found += f"; {internal_address}, and AUTH_JWKS_URL={url}"
    return Finding(check="accepted tokens", found=found)


def accepted_access_tokens(policy: ClaimsPolicy) -> Finding:
    """Describe the required issuer and audience of OAuth access tokens.

    Args:
        policy: The rules for their claims.
    """
    found = (
        f"typ at+jwt, the issuer {any_of(policy.issuers)} and the audience"
        f" {any_of(policy.audiences)}; clients must request this audience as `resource`"
    )
    return Finding(check="accepted OAuth access tokens", found=found)


def _is_internal(host: str) -> bool:
    """Return whether a host is known only inside a private network."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(_INTERNAL_DOMAINS)
