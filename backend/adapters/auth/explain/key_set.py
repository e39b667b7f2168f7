"""Says which key set a command used: a running server may have an older key set."""

from collections.abc import Sequence
from typing import Final

from backend.adapters.auth.explain.context import utc
from backend.adapters.auth.redaction import quoted
from backend.domain.diagnosis import Finding, KeySetState

RUNNING_SERVER: Final = (
    "a running server may still use the set of its last fetch: see /health/ready"
)

_MAX_KIDS: Final = 5


def key_set_finding(state: KeySetState, url: str | None, *, now: float) -> Finding:
    """Describe the key set that a command fetched.

    Args:
        state: The state of the command's own key set.
        url: The URL of the key set.
        now: The time in seconds since the epoch.
    """
    if state.age is None:
        problem = state.error or "no fetch has finished"
        found = f"no key set from {url} at {utc(now)}: {problem}"
        return Finding(check="key set", checked=False, found=found)
    fetched = fetched_keys(state.kids, now - state.age)
    return Finding(check="key set", found=f"{fetched} from {url}; {RUNNING_SERVER}")


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
