"""Whether the process lives, and whether it can serve."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

PATIENCE: Final = 5.0

router = APIRouter(prefix="/health", tags=["health"])

_log = logging.getLogger(__name__)


class Health(BaseModel):
    """The outcome of the checks."""

    status: str = Field(examples=["ok"], description="`ok`, or `unavailable`.")
    checks: dict[str, str] = Field(default={}, description="The same for each part.")


@router.get("/live", summary="Does the process live?")
async def live() -> Health:
    """Answer: that is all it takes."""
    return Health(status="ok")


@router.get("/ready", summary="Can it serve?", responses={503: {"model": Health}})
async def ready(request: Request, response: Response) -> Health:
    """Check what the API depends on: the keys and the database."""
    checks = request.app.state.checks
    outcomes = await asyncio.gather(*(_outcome(name, check) for name, check in checks.items()))
    status = "ok" if all(outcome == "ok" for outcome in outcomes) else "unavailable"
    response.status_code = 200 if status == "ok" else 503
    return Health(status=status, checks=dict(zip(checks, outcomes, strict=True)))


async def _outcome(name: str, check: Callable[[], Awaitable[None]]) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            await check()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a part, it is not ready
        _log.warning("not ready: %s: %s", name, error)
        return "unavailable"
    return "ok"
