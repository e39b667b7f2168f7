"""What the OpenAPI document of the application says about itself."""

from typing import Final

PATH: Final = "/openapi.json"
DESCRIPTION: Final = (
    "Every route under `/api` needs credentials. Errors are problem details (RFC 9457): `code`"
    " names the error for programs."
)
TAGS: Final = [
    {"name": "me", "description": "The verified caller."},
    {"name": "todos", "description": "The todos of the caller."},
    {"name": "health", "description": "Health checks."},
]
LICENSE: Final = {"name": "MIT", "identifier": "MIT"}
