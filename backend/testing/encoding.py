"""Encodings of tokens and cookies, and members that are left out."""

from collections.abc import Mapping
from typing import Any, Final

from backend.adapters.auth.jose.encoding import b64, iso, to_json

__all__ = ["ABSENT", "b64", "b64_int", "drop_absent", "iso", "to_json"]

ABSENT: Final = object()  # a member with this value is left out


def drop_absent(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members whose value is not `ABSENT`."""
    return {name: value for name, value in members.items() if value is not ABSENT}


def b64_int(number: int, size: int | None = None) -> str:
    """Encode a number as JWKs do: base64url of `size` big-endian bytes."""
    return b64(number.to_bytes(size or (number.bit_length() + 7) // 8 or 1, "big"))
