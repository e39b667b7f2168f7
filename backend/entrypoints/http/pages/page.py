"""The common parts of all pages of this server: the headers, and the files that a page loads."""

import hashlib
import html
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

STATIC: Final = Path(__file__).parent / "static"

# A page loads its files and its data from this server only. Inline code is not executed.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",  # for browsers that do not know `frame-ancestors`
}
FOREVER: Final = "public, max-age=31536000, immutable"

_VERSION_LENGTH: Final = 16  # hexadecimal digits


class PageFiles:
    """The files that a page loads, such as scripts and styles.

    The path of each file contains a version, which is a hash of all files. So browsers may keep
    the files, and still load new files after an update.

    Args:
        path: The path below which the files are served, such as `/docs`.
        files: The files by their names.

    Attributes:
        folder: The relative URL of the folder with the files.
        route: The route that serves the files.
    """

    def __init__(self, path: str, files: Mapping[str, Path]) -> None:
        self._files = files
        digest = hashlib.sha256()
        for file in files.values():
            digest.update(file.read_bytes())
        self._version = digest.hexdigest()[:_VERSION_LENGTH]
        self.folder = f"{path.removeprefix('/')}/{self._version}".removeprefix("/")
        self.route = Route(f"{path}/{{version}}/{{name}}", self._serve, include_in_schema=False)

    async def _serve(self, request: Request) -> Response:
        version, name = request.path_params["version"], request.path_params["name"]
        if version != self._version or name not in self._files:
            raise HTTPException(404)
        return FileResponse(self._files[name], headers={"Cache-Control": FOREVER})


def render(template: str, /, *, cache: str, **values: str) -> HTMLResponse:
    """Render a page.

    All URLs of a page are relative, so the page works behind any path prefix.

    Args:
        template: The name of the template in the folder `static`.
        cache: The value of `Cache-Control`.
        **values: The texts of the template, which are escaped.
    """
    text = Template((STATIC / template).read_text(encoding="utf-8"))
    escaped = {name: html.escape(value) for name, value in values.items()}
    return HTMLResponse(text.substitute(escaped), headers={**HEADERS, "Cache-Control": cache})
