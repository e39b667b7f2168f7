"""Compares the clock of this machine with the issuer's."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2

from backend.domain.diagnosis import Finding

MAX_SKEW: Final = 5.0  # seconds

_DATE_PRECISION: Final = 1.0  # RFC 9110, section 5.6.7: the Date header has whole seconds


def diagnose_clock(
    headers: httpx2.Headers | None, *, leeway: float, clock: Callable[[], float]
) -> Finding:
    """Compare the clock with the `Date` header of a response that just arrived.

    Args:
        headers: The headers of the response; None if there was no response.
        leeway: The clock skew in seconds that tokens tolerate.
        clock: Returns the time in seconds since the epoch.
    """
    if headers is None:
        return Finding(check="clock", checked=False, found="the issuer does not answer")
    issuer_time = _time(headers)
    if issuer_time is None:
        return Finding(check="clock", checked=False, found="the issuer does not send the time")
    behind = issuer_time - clock()
    if abs(behind) <= min(leeway, MAX_SKEW) + _DATE_PRECISION:
        return Finding(check="clock", found="agrees with the issuer's")
    direction = "behind" if behind > 0 else "ahead of"
    return Finding(
        check="clock",
        problem=f"your clock is {abs(behind):.0f} s {direction} the issuer's",
        remedy="Synchronize both clocks (NTP). AUTH_LEEWAY tolerates small differences.",
    )


def _time(headers: httpx2.Headers) -> float | None:
    """Return the time of a response in seconds since the epoch, with its age in a cache added."""
    with suppress(KeyError, ValueError, OverflowError):
        date = parsedate_to_datetime(headers["Date"])
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        age = headers.get("Age", "")  # RFC 9111, section 5.1
        return date.timestamp() + (float(age) if age.isascii() and age.isdigit() else 0)
    return None
