"""Health checks: whether the process is alive, and whether it can serve requests."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

CHECK_TIMEOUT: Final = 4.0  # seconds, so that the response comes within five

router = APIRouter(prefix="/health", tags=["health"])

_log = logging.getLogger(__name__)
_running: Final[set[asyncio.Future[None]]] = set()


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
    results = await asyncio.gather(*(_run(name, check) for name, check in checks.items()))
    status = "ok" if all(result == "ok" for result in results) else "unavailable"
    response.status_code = 200 if status == "ok" else 503
    state = request.app.state.key_set_state
    return Readiness(
        status=status,
        checks=dict(zip(checks, results, strict=True)),
        keys=KeySetResponse.model_validate(state()) if state else None,
    )


async def _run(name: str, check: Callable[[], Awaitable[None]]) -> str:
    """Run a check; return `ok` or `unavailable`.

    A check that takes too long is cancelled, and ends in the background: ending may take time too,
    for example to cancel a statement over a network that is silent.
    """
    running = asyncio.ensure_future(check())
    _running.add(running)
    running.add_done_callback(_end)
    await asyncio.wait([running], timeout=CHECK_TIMEOUT)
    if not running.done():
        running.cancel()
        _log.warning("not ready: %s: no answer within %s s", name, CHECK_TIMEOUT)
        return "unavailable"
    error = None if running.cancelled() else running.exception()
    if running.cancelled() or error is not None:
        _log.warning("not ready: %s: %s", name, error)
        return "unavailable"
    return "ok"


def _end(running: asyncio.Future[None]) -> None:
    """Forget a check, and its error: the response has said already that the part is not ready."""
    _running.discard(running)
    if not running.cancelled():
        running.exception()
