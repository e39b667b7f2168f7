"""An app that a factory makes, with settings of its own instead of environment variables."""

import os

from fastapi import FastAPI

from backend.entrypoints.http import CurrentPrincipal, protect
from backend.settings.authentication import AuthSettings


async def list_notes(principal: CurrentPrincipal) -> list[str]:
    return [f"a note of {principal.user_id}"]


def create_app() -> FastAPI:
    app = FastAPI()
    app.get("/notes")(list_notes)
    protect(app, settings=AuthSettings.load(better_auth_url=os.environ["BETTER_AUTH_URL"]))
    return app
