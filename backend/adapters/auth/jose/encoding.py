"""Encodes parts of tokens and cookies: base64url, and JSON and times in JavaScript's format."""

import base64
import json
from datetime import UTC, datetime


def b64(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def to_json(value: object) -> bytes:
    """Serialize JSON like JavaScript's `JSON.stringify`."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def iso(seconds: float) -> str:
    """Format a time like JavaScript's `toISOString`.

    Args:
        seconds: The time in seconds since the epoch.
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
