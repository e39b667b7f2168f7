"""Health checks: whether the process is alive, and whether it can serve requests."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import State

Check = Callable[[], Awaitable[None]]

CHECK_TIMEOUT: Final = 4.0  # seconds, so that the response comes within five

router = APIRouter(prefix="/health", tags=["health"])

_log = logging.getLogger(__name__)
_running: Final[dict[Check, asyncio.Future[None]]] = {}
_unfinished: Final[set[asyncio.Future[None]]] = set()  # asyncio itself would forget them


class KeySetResponse(BaseModel):
    """The state of the issuer's key set."""

    model_config = ConfigDict(from_attributes=True)

    kids: tuple[str, ...] = Field(description="The ids of the usable keys.")
    rejected: tuple[str, ...] = Field(description="Why each other key cannot be used.")
    age: float | None = Field(description="Seconds since the last successful fetch.")
    attempted: float | None = Field(description="Seconds since the last attempt to fetch.")
    error: str | None = Field(description="Why the last attempt failed.")


class Health(BaseModel):
    """The result of the checks."""

    status: str = Field(examples=["ok"], description="`ok`, or `unavailable`.")
    checks: dict[str, str] = Field(default={}, description="The result of each check.")


class Readiness(Health):
    """The result of the checks, and the state of the key set."""

    keys: KeySetResponse | None = Field(
        default=None, description="The key set, if the API uses one."
    )


@router.get("/live", summary="Is the process alive?")
async def live() -> Health:
    """Return `ok`: a process that answers is alive."""
    return Health(status="ok")


@router.get(
    "/ready",
    summary="Can it serve requests?",
    responses={503: {"model": Readiness}},
    response_model_exclude_none=True,
)
async def ready(request: Request, response: Response) -> Readiness:
    """Check what the API depends on: the keys and the database."""
    checks = request.app.state.checks
    results = await asyncio.gather(*(_run(check) for check in checks.values()))
    _log_changes(request.app.state, dict(zip(checks, results, strict=True)))
    status = "unavailable" if any(results) else "ok"
    response.status_code = 200 if status == "ok" else 503
    state = request.app.state.key_set_state
    return Readiness(
        status=status,
        checks={
            name: "unavailable" if error else "ok"
            for name, error in zip(checks, results, strict=True)
        },
        keys=KeySetResponse.model_validate(state()) if state else None,
    )


async def _run(check: Check) -> BaseException | None:
    """Run a check; return its error, or None if it succeeds.

    Requests at the same time share one run, so that many of them cost no more than one. A check
    that takes too long is cancelled, and ends in the background: ending may take time too, for
    example to cancel a statement over a network that is silent.
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
        running.exception()  # asyncio would log an error that nobody has asked for


def _forget(check: Check, running: asyncio.Future[None]) -> None:
    if _running.get(check) is running:
        del _running[check]


def _log_changes(state: State, results: Mapping[str, BaseException | None]) -> None:
    """Log what is no longer ready, or ready again: probes ask every few seconds."""
    before: frozenset[str] = getattr(state, "not_ready", frozenset())
    for name, error in results.items():
        if error is not None and name not in before:
            _log.warning("not ready: %s: %s", name, str(error) or type(error).__name__)
        elif error is None and name in before:
            _log.warning("ready again: %s", name)
    state.not_ready = frozenset(name for name, error in results.items() if error)
