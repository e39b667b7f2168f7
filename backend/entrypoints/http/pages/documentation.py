"""The page `/docs`: Swagger UI, from a Python package and not from a CDN."""

from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backend.entrypoints.http.pages.page import STATIC, PageFiles, render

PATH: Final = "/docs"

# Only files of this package are used. Its code is never imported.
PACKAGE: Final = "fastapi-swagger"
_FOLDER: Final = "fastapi_swagger/resources"
SWAGGER_UI: Final = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")
_OWN: Final = ("documentation.css", "documentation.js")


def routes(title: str) -> list[Route]:
    """Return the routes of the page and of the files that it loads. All of them are public.

    Args:
        title: The title of the API.
    """
    package = distribution(PACKAGE)
    files = {name: Path(str(package.locate_file(f"{_FOLDER}/{name}"))) for name in SWAGGER_UI}
    files |= {name: STATIC / name for name in _OWN}
    page_files = PageFiles(PATH, files)

    async def serve_page(_: Request) -> Response:
        return render("documentation.html", cache="no-cache", title=title, files=page_files.folder)

    return [Route(PATH, serve_page, include_in_schema=False), page_files.route]
