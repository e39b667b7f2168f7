"""The Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import Header, Request

from backend.domain.idempotency import (
    KEY_MAX_LENGTH,
    KEY_PATTERN,
    Idempotency,
    InvalidIdempotencyKeyError,
)
from backend.entrypoints.http.problems.errors import InvalidParameterError

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        min_length=1,
        max_length=KEY_MAX_LENGTH,
        pattern=KEY_PATTERN,
        description="A key of your choice, for example a UUID. A request that repeats key and body "
        "within 24 hours creates nothing and gets the response of the first request.",
    ),
]

# For OpenAPI: the headers of a response to a repeated request.
RESPONSE_HEADERS: Final = {
    REPLAYED: {
        "description": "`true` if this is the response of an earlier request with the same key.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


def idempotency(
    request: Request, key: str | None, content: Mapping[str, object]
) -> Idempotency | None:
    """Return the identity of a request; None if the client sent no key.

    Args:
        request: The request.
        key: The value of its `Idempotency-Key` header.
        content: The parsed body. Requests that differ only in JSON notation are the same request.

    Raises:
        InvalidParameterError: The header was sent more than once, or the key is invalid.
    """
    if len(request.headers.getlist(HEADER)) > 1:
        raise InvalidParameterError(HEADER, "must be sent only once")
    if key is None:
        return None
    canonical = json.dumps(content, default=str, sort_keys=True)
    fingerprint = hashlib.sha256(canonical.encode()).digest()
    try:
        return Idempotency(key=key, fingerprint=fingerprint)
    except InvalidIdempotencyKeyError as error:
        raise InvalidParameterError(HEADER, str(error)) from None
