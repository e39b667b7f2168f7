"""The id of a request: in the log, in the response, and in problems."""

import os
import re
from typing import Final

from starlette.types import Scope

ID_HEADER: Final = b"x-request-id"

_ID: Final = "backend.request_id"
_VALID_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def request_id(scope: Scope) -> str:
    """Return the id of a request: its X-Request-ID header if that is valid, else a random id."""
    identity: str | None = scope.get(_ID)
    if identity is None:
        sent = [value for name, value in scope["headers"] if name == ID_HEADER]
        valid = sent and _VALID_ID.fullmatch(sent[0])
        identity = scope[_ID] = sent[0].decode() if valid else new_request_id()
    return identity


def new_request_id() -> str:
    """Return a random id for a request that has none."""
    return os.urandom(8).hex()
