"""Requests that may be sent again: draft-ietf-httpapi-idempotency-key-header."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import Header, Request

from backend.domain.idempotency import KEY_MAX_LENGTH, KEY_PATTERN, Idempotency
from backend.domain.todo import InvalidTodoError

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        min_length=1,
        max_length=KEY_MAX_LENGTH,
        pattern=KEY_PATTERN,
        description="A name of your choice, such as a UUID. Sent again with the same body within "
        "24 hours, the request creates nothing more and is given the first answer.",
    ),
]

# For OpenAPI: how an answer that was given before is told.
DOCUMENTED: Final = {
    REPLAYED: {
        "description": "`true` if the same request was answered before: this is that answer.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


def idempotency(
    request: Request, key: str | None, content: Mapping[str, object]
) -> Idempotency | None:
    """Return what names a request, if its caller has named it.

    Args:
        request: The request.
        key: Its header.
        content: What it asks for, once read: however it was spelled, it is the same request.

    Raises:
        InvalidTodoError: There are two keys.
    """
    if len(request.headers.getlist(HEADER)) > 1:
        raise InvalidTodoError(HEADER, "must be sent once")
    if key is None:
        return None
    canonical = json.dumps(content, default=str, sort_keys=True)
    return Idempotency(key=key, fingerprint=hashlib.sha256(canonical.encode()).digest())
