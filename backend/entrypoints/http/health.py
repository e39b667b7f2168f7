"""Health checks: whether the process is alive, and whether it can serve requests."""

import asyncio
import functools
import logging
from collections.abc import Mapping
from typing import Annotated, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from starlette.datastructures import State

from backend.entrypoints.http.checks import run_check

router = APIRouter(prefix="/health", tags=["health"])

_log = logging.getLogger(__name__)

T = TypeVar("T")
# A member that the response leaves out if the value is None.
Absent = Annotated[T | SkipJsonSchema[None], Field(default=None)]
# Seconds, to a tenth.
Seconds = Annotated[float, AfterValidator(functools.partial(round, ndigits=1))]


class KeySetResponse(BaseModel):
    """The state of the issuer's key set."""

    model_config = ConfigDict(from_attributes=True)

    kids: tuple[str, ...] = Field(description="The ids of the usable keys.")
    rejected: tuple[str, ...] = Field(description="Why each other key cannot be used.")
    age: Absent[Seconds] = Field(description="Seconds since the last successful fetch.")
    attempted: Absent[Seconds] = Field(description="Seconds since the last attempt to fetch.")
    error: Absent[str] = Field(description="Why the last attempt failed.")


class Health(BaseModel):
    """The result of the checks."""

    status: str = Field(
        examples=["ok"], description="`ok`, `unavailable`, or `draining` before a stop."
    )
    checks: dict[str, str] = Field(description="The result of each check.")


class Readiness(Health):
    """The result of the checks, and the state of the key set."""

    keys: Absent[KeySetResponse] = Field(description="The key set, if the API uses a key set.")
    issuers: Absent[dict[str, KeySetResponse]] = Field(
        description="The key set of each issuer by its name, if the API trusts several issuers."
    )


@router.get("/live", summary="Is the process alive?")
async def live() -> Health:
    """Return `ok`: a process that responds is alive."""
    return Health(status="ok", checks={})


@router.get(
    "/ready",
    summary="Can it serve requests?",
    responses={503: {"model": Readiness}},
    response_model_exclude_none=True,
)
async def ready(request: Request, response: Response) -> Readiness:
    """Check what the API depends on: the keys and the database.

    A server that is about to stop is not ready.
    """
    if request.app.state.draining:
        response.status_code = 503
        return Readiness(status="draining", checks={}, keys=None, issuers=None)
    checks = request.app.state.checks
    results = await asyncio.gather(*map(run_check, checks.values()))
    errors = dict(zip(checks, results, strict=True))
    _log_changes(request.app.state, errors)
    is_ready = not any(results)
    response.status_code = 200 if is_ready else 503
    sources = request.app.state.sources
    issuers = {
        name: KeySetResponse.model_validate(state()) for name, state in sources.key_sets.items()
    }
    return Readiness(
        status="ok" if is_ready else "unavailable",
        checks={name: "unavailable" if error else "ok" for name, error in errors.items()},
        keys=KeySetResponse.model_validate(sources.key_set()) if sources.key_set else None,
        issuers=issuers or None,
    )


def _log_changes(state: State, errors: Mapping[str, BaseException | None]) -> None:
    """Log only changes since the last probe, because probes come every few seconds."""
    before: frozenset[str] = getattr(state, "not_ready", frozenset())
    for name, error in errors.items():
        if error is not None and name not in before:
            _log.warning("not ready: %s: %s", name, str(error) or type(error).__name__)
        elif error is None and name in before:
            _log.warning("ready again: %s", name)
    state.not_ready = frozenset(name for name, error in errors.items() if error)
