"""An app for everybody, where users who have signed in see more."""

from fastapi import FastAPI

from backend.entrypoints.http import CurrentPrincipal, OptionalPrincipal, protect

app = FastAPI()
protect(app, public=["/about", "/plans/{plan}"])


@app.get("/about")
async def read_about() -> str:
    return "about"


@app.get("/articles")
async def list_articles(reader: OptionalPrincipal) -> dict[str, str | None]:
    return {"reader": reader.user_id if reader else None}


@app.post("/articles/{number}/likes")
def like(number: int, reader: OptionalPrincipal) -> str:
    return f"{number} {reader.user_id if reader else 'anonymous'}"


@app.get("/plans/mine")  # the path of a public route matches too, but this route comes first
async def read_my_plan(principal: CurrentPrincipal) -> str:
    return f"plan of {principal.user_id}"


@app.get("/plans/{plan}")
async def read_plan(plan: str) -> str:
    return plan
