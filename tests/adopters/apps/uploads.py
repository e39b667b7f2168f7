"""An app that takes forms and files, which `python-multipart` parses."""

from typing import Annotated

from fastapi import FastAPI, File, Form, UploadFile

from backend.entrypoints.http import CurrentPrincipal, protect

app = FastAPI()
protect(app)


@app.post("/pictures")
async def upload(
    title: Annotated[str, Form()], picture: UploadFile, principal: CurrentPrincipal
) -> dict[str, str | int]:
    return {"title": title, "bytes": len(await picture.read()), "owner": principal.user_id}


@app.post("/raw")
def upload_raw(picture: Annotated[bytes, File()], principal: CurrentPrincipal) -> int:
    return len(picture)
