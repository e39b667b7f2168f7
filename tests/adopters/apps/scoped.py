"""An app with scopes and roles: on routes, on routers and as parameters."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Security

from backend.domain.auth import Principal
from backend.entrypoints.http import (
    CurrentPrincipal,
    authenticated,
    protect,
    requires_roles,
    requires_scopes,
)

Reader = Annotated[Principal, requires_scopes("notes:read")]
Admin = Annotated[Principal, requires_roles("admin")]

app = FastAPI()


@app.get("/notes")
async def list_notes(
    principal: Annotated[Principal, Security(authenticated, scopes=["notes:read"])],
) -> str:
    return principal.user_id


@app.get("/drafts")
def list_drafts(reader: Reader) -> str:
    return reader.user_id


@app.post("/notes", dependencies=[requires_scopes("notes:read", "notes:write")])
async def add_note(principal: CurrentPrincipal) -> str:
    return principal.user_id


@app.get("/audit")
async def read_audit(admin: Admin) -> str:
    return admin.user_id


def notes_of(reader: Reader) -> list[str]:
    return [reader.user_id]


@app.get("/titles")
async def list_titles(notes: Annotated[list[str], Depends(notes_of)]) -> list[str]:
    return notes


admin_router = APIRouter(prefix="/admin", dependencies=[requires_roles("admin")])


@admin_router.get("/users")
async def list_users() -> list[str]:
    return []


@admin_router.delete("/users/{user}", dependencies=[requires_scopes("users:write")])
async def delete_user(user: str, principal: CurrentPrincipal) -> str:
    return f"{principal.user_id} deleted {user}"


app.include_router(admin_router)
protect(app)
