"""Readiness checks: whether a part that the API depends on can be used now."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

# Raises an error while the part cannot be used.
Check = Callable[[], Awaitable[None]]

CHECK_TIMEOUT: Final = 4.0  # seconds, so that the response of a probe comes within five

_running: Final[dict[Check, asyncio.Future[None]]] = {}
_unfinished: Final[set[asyncio.Future[None]]] = set()  # asyncio keeps weak references only


async def run_check(check: Check) -> BaseException | None:
    """Run a check for at most `CHECK_TIMEOUT` seconds.

    Concurrent calls share a run, so that many requests cost no more than a single request. A check
    that takes too long is cancelled, and ends in the background: the end may take time too, for
    example to cancel a statement over a network that is silent.

    Returns:
        The error of the check; None if the part can be used.
    """
    running = _running.get(check)
    if running is None:
        running = _running[check] = asyncio.ensure_future(check())
        _unfinished.add(running)
        running.add_done_callback(partial(_end, check))
    await asyncio.wait([running], timeout=CHECK_TIMEOUT)
    if not running.done():
        _forget(check, running)
        running.cancel()
        return TimeoutError(f"no answer within {CHECK_TIMEOUT:g} s")
    return asyncio.CancelledError() if running.cancelled() else running.exception()


def _end(check: Check, running: asyncio.Future[None]) -> None:
    _forget(check, running)
    _unfinished.discard(running)
    if not running.cancelled():
        running.exception()  # else asyncio logs an error that no caller has read


def _forget(check: Check, running: asyncio.Future[None]) -> None:
    if _running.get(check) is running:
        del _running[check]
