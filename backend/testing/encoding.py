"""Encodings of tokens and cookies: base64url, and JSON and times as JavaScript writes them."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

ABSENT: Final = object()  # as the value of a member: leave the member out


def drop_absent(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members whose value is not `ABSENT`."""
    return {name: value for name, value in members.items() if value is not ABSENT}


def b64(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64_int(number: int, size: int | None = None) -> str:
    """Encode a number as JWKs do: base64url of `size` big-endian bytes."""
    return b64(number.to_bytes(size or (number.bit_length() + 7) // 8 or 1, "big"))


def to_json(value: object) -> bytes:
    """Serialize JSON as JavaScript's `JSON.stringify` does."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def iso(seconds: float) -> str:
    """Format a time as JavaScript's `toISOString` does.

    Args:
        seconds: The time in seconds since the epoch.
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
