"""An app that must not start: its author forgot the principal of two routes."""

from fastapi import APIRouter, FastAPI

from backend.entrypoints.http import CurrentPrincipal, protect

admin = APIRouter(prefix="/admin")


@admin.get("/users")
async def list_users(principal: CurrentPrincipal) -> list[str]:
    return []


@admin.delete("/users/{user}")
async def delete_user(user: str) -> None: ...


app = FastAPI()
protect(app, public=["/"])
app.include_router(admin)


@app.get("/metrics")
async def read_metrics() -> str:
    return "up 1"
