"""Counts verified credentials, rejected credentials and outages.

Authentication must work without prometheus_client. So problems are counted here, and the package
`metrics` puts its counters in place when it is imported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


def _ignore(_name: str) -> None:
    """Count nothing: the app has no metrics."""


@dataclass(slots=True)
class Counters:
    """The functions that count.

    Attributes:
        refusal: Counts a request that was answered with 401, by its precise reason.
        unavailable: Counts a request that was answered with 503, by the code of the problem without
            `_unavailable`.
        accepted: The connections whose credentials were accepted since the metrics were updated.
    """

    refusal: Callable[[str], None] = _ignore
    unavailable: Callable[[str], None] = _ignore
    accepted: int = 0


counters: Final = Counters()
