"""A small protected app that tests itself: `python -W error protected_app.py`.

The app needs only the requirements of the wheel without extras. Tests run the app in separate
environments: with these packages only, with their oldest versions, and under another package name.
"""

import asyncio
import os
import sys
import time
from typing import Annotated, Any

import httpx2
import jwt
from fastapi import APIRouter, FastAPI, HTTPException, Security, WebSocket

from backend.domain.auth import Principal
from backend.entrypoints.http import (
    CurrentPrincipal,
    OptionalPrincipal,
    authenticated,
    protect,
    requires_roles,
)
from backend.entrypoints.http.auth.startup_check import UnprotectedRouteError

SECRET = "correct horse battery staple three times"
ORIGIN = "https://auth.example.com"

# The app's own variables, which authentication must not read.
os.environ |= {"PORT": "http", "WORKERS": "many", "DATABASE_URL": "mysql://db", "HOST": "nowhere"}
os.environ |= {"BETTER_AUTH_SECRET": SECRET, "AUTH_ISSUER": ORIGIN, "AUTH_AUDIENCE": ORIGIN}

app = FastAPI()
protect(app, public=["/"])
router = APIRouter(prefix="/router", dependencies=[Security(authenticated)])


@app.get("/")
async def home() -> str:
    return "home"


@app.get("/me")
async def me(principal: CurrentPrincipal) -> str:
    return principal.user_id


@app.post("/notes")
def add_note(principal: CurrentPrincipal, note: dict[str, str]) -> dict[str, str]:
    return {"owner": principal.user_id, **note}


@app.get("/greeting")
async def greeting(principal: OptionalPrincipal) -> str:
    return principal.user_id if principal else "stranger"


@app.get("/admin")
async def admin(principal: Annotated[Principal, requires_roles("admin")]) -> str:
    return principal.user_id


@app.get("/taken")
async def taken(_principal: CurrentPrincipal) -> str:
    raise HTTPException(409, "already taken")


@app.websocket("/live")
async def live(websocket: WebSocket, principal: CurrentPrincipal) -> None:
    await websocket.accept()
    await websocket.send_text(principal.user_id)


@router.get("/notes")
async def notes() -> list[str]:
    return []


app.include_router(router)

mounted = FastAPI(openapi_url=None)
app.mount("/mounted", mounted)


@mounted.get("/me")
async def mounted_me(principal: CurrentPrincipal) -> str:
    return principal.user_id


def token(**claims: Any) -> str:
    now = int(time.time())
    standard = {"sub": "ada", "iss": ORIGIN, "aud": ORIGIN, "iat": now, "exp": now + 60}
    return jwt.encode({**standard, **claims}, SECRET, algorithm="HS256")


async def first_message(headers: dict[str, str]) -> str | None:
    """Open the WebSocket, and return its first message; None if it is refused."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "websocket", "path": "/live", "raw_path": b"/live", "headers": raw}
    scope |= {"query_string": b"", "subprotocols": [], "scheme": "ws", "root_path": ""}
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    texts = [message["text"] for message in sent if message["type"] == "websocket.send"]
    return texts[0] if texts else None


async def check_startup() -> None:
    """Check that an app does not start if a route takes no principal and is not public."""
    forgetful = FastAPI()
    protect(forgetful)
    forgetful.get("/open")(home)
    refusals: list[UnprotectedRouteError] = []
    try:
        async with forgetful.router.lifespan_context(forgetful):
            pass
    except UnprotectedRouteError as error:
        refusals.append(error)
    assert "/open" in str(refusals), refusals


async def main() -> None:
    transport = httpx2.ASGITransport(app)
    bearer = {"Authorization": f"Bearer {token()}"}
    expired = {"Authorization": f"Bearer {token(exp=1)}"}
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        expectations = [
            ("/", {}, 200, "home"),
            ("/greeting", {}, 200, "stranger"),
            ("/greeting", bearer, 200, "ada"),
            ("/me", bearer, 200, "ada"),
            ("/router/notes", bearer, 200, []),
            ("/mounted/me", bearer, 200, "ada"),
            ("/openapi.json", {}, 200, None),
            ("/docs", {}, 200, None),
            ("/nowhere", {}, 404, None),
            ("/taken", bearer, 409, None),
        ]
        for path, headers, status, body in expectations:
            response = await client.get(path, headers=headers)
            assert response.status_code == status, (path, response.text)
            assert body is None or response.json() == body, (path, response.text)
        for path in ("/me", "/admin", "/router/notes", "/mounted/me", "/taken"):
            for headers, code in (({}, "missing_token"), (expired, "token_expired")):
                response = await client.get(path, headers=headers)
                assert response.status_code == 401, (path, response.text)
                assert response.headers["www-authenticate"].startswith("Bearer")
                assert response.json()["code"] == code, (path, response.text)
        assert (await client.get("/greeting", headers=expired)).status_code == 401
        assert (await client.get("/admin", headers=bearer)).status_code == 403
        assert (await client.post("/notes", content=b"no JSON")).status_code == 401
        response = await client.post("/notes", json={"text": "milk"}, headers=bearer)
        assert response.json() == {"owner": "ada", "text": "milk"}
        schemes = (await client.get("/openapi.json")).json()["components"]["securitySchemes"]
        assert "Bearer" in schemes
        assert await first_message({"Authorization": bearer["Authorization"]}) == "ada"
        assert await first_message({}) is None
    await check_startup()


if __name__ == "__main__":
    asyncio.run(main())
    server = {"aiosqlite", "alembic", "asyncpg", "prometheus_client", "sqlalchemy", "typer"}
    assert server.isdisjoint(sys.modules), server & {*sys.modules}
    sys.stdout.write("protected\n")
