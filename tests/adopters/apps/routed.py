"""An app of routers: prefixes, dependencies, nesting, plain functions, streams and late work."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Request, Security
from fastapi.responses import StreamingResponse

from backend.entrypoints.http import CurrentPrincipal, ProtectedRoute, authenticated, protect


def current_team(principal: CurrentPrincipal, team: str = "red") -> str:
    return f"{principal.user_id}@{team}"


reports = APIRouter(prefix="/reports", tags=["reports"])


@reports.get("")  # the router that includes `reports` requires the principal
def list_reports() -> list[str]:
    return ["weekly"]


@reports.get("/{report}/lines")
def stream_lines(report: str, principal: CurrentPrincipal) -> StreamingResponse:
    def lines() -> Iterator[str]:
        for number in range(3):
            yield f"{report} {number} {principal.user_id}\n"
            time.sleep(0.01)

    return StreamingResponse(lines(), media_type="text/plain")


@reports.get("/{report}/events")
async def stream_events(report: str, principal: CurrentPrincipal) -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        yield f"data: {report}\n\n"
        yield f"data: {principal.user_id}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


teams = APIRouter(prefix="/teams")


@teams.get("/mine")
def read_my_team(team: Annotated[str, Depends(current_team)]) -> str:
    return team


@teams.post("/invitations", status_code=202)
def invite(background: BackgroundTasks, request: Request, principal: CurrentPrincipal) -> str:
    background.add_task(request.app.state.invited.append, principal.user_id)
    return "invited"


@teams.get("/invitations")
async def list_invitations(request: Request, principal: CurrentPrincipal) -> list[str]:
    return [user for user in request.app.state.invited if user == principal.user_id]


fast = APIRouter(prefix="/fast", route_class=ProtectedRoute)


@fast.get("/mine")
async def read_mine(principal: CurrentPrincipal) -> str:
    return principal.user_id


api = APIRouter(prefix="/api")
api.include_router(reports, dependencies=[Security(authenticated)])
api.include_router(teams)
api.include_router(fast)

app = FastAPI()
app.state.invited = []
app.include_router(api, prefix="/v1")
protect(app)
