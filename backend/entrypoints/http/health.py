"""Health checks: whether the process is alive, and whether it can serve requests."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

CHECK_TIMEOUT: Final = 5.0  # seconds

router = APIRouter(prefix="/health", tags=["health"])

_log = logging.getLogger(__name__)


class KeySetResponse(BaseModel):
    """The state of the issuer's key set."""

    model_config = ConfigDict(from_attributes=True)

    kids: tuple[str, ...] = Field(description="The ids of the keys that are of use.")
    rejected: tuple[str, ...] = Field(description="Why others are not.")
    age: float | None = Field(description="Seconds since the last good fetch.")
    attempted: float | None = Field(description="Seconds since the last attempt.")
    error: str | None = Field(description="What went wrong at the last attempt.")


class Health(BaseModel):
    """The outcome of the checks."""

    status: str = Field(examples=["ok"], description="`ok`, or `unavailable`.")
    checks: dict[str, str] = Field(default={}, description="The same for each part.")


class Readiness(Health):
    """The outcome of the checks, and what stands behind it."""

    keys: KeySetResponse | None = Field(default=None, description="Where there is a key set.")


@router.get("/live", summary="Does the process live?")
async def live() -> Health:
    """Answer: that is all it takes."""
    return Health(status="ok")


@router.get(
    "/ready",
    summary="Can it serve?",
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
    """Run a check; return `ok` or `unavailable`."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            await check()
    except Exception as error:  # noqa: BLE001 - after any error a part is not ready
        _log.warning("not ready: %s: %s", name, error)
        return "unavailable"
    return "ok"
