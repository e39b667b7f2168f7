"""An app with static files, an older Starlette app, and another FastAPI app below it."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from backend.entrypoints.http import CurrentPrincipal, OptionalPrincipal, protect, requires_roles

FOLDER = Path(__file__).parent


async def read_legacy(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"legacy {request.path_params['name']}")


legacy = Starlette(routes=[Route("/pages/{name}", read_legacy)])

admin = FastAPI()


@admin.get("/")
async def read_admin(principal: CurrentPrincipal) -> str:
    return f"admin for {principal.user_id}"


@admin.delete("/users/{user}", dependencies=[requires_roles("admin")])
async def delete_user(user: str) -> str:
    return f"deleted {user}"


@admin.get("/help")
async def read_help(reader: OptionalPrincipal) -> str:
    return f"help for {reader.user_id}" if reader else "help"


@admin.get("/status")
async def read_status() -> str:
    return "up"


app = FastAPI()
app.mount("/public", StaticFiles(directory=FOLDER))
app.mount("/private", StaticFiles(directory=FOLDER))
app.mount("/legacy", legacy)
app.mount("/admin", admin)


@app.get("/me")
async def read_me(principal: CurrentPrincipal) -> str:
    return principal.user_id


protect(app, public=["/public", "/admin/status"])
