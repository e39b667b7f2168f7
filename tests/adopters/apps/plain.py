"""The smallest app, as in the README."""

from fastapi import FastAPI

from backend.entrypoints.http import CurrentPrincipal, protect

app = FastAPI()
protect(app, public=["/"])


@app.get("/")
def read_index() -> str:
    return "Welcome"


@app.get("/notes")
async def list_notes(principal: CurrentPrincipal) -> list[str]:
    return [f"a note of {principal.user_id}"]


@app.post("/notes", status_code=201)
async def add_note(note: dict[str, str], principal: CurrentPrincipal) -> dict[str, str]:
    return {**note, "author": principal.user_id}
