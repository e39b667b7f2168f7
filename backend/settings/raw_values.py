"""Reads single settings before validation, when their values may be invalid."""

from collections.abc import Mapping
from typing import Any, Final

_ON: Final = frozenset(
    {"1", "on", "t", "true", "y", "yes"}
)  # the texts that pydantic reads as True
_OFF: Final = frozenset({"", "off"})


def text_of(raw: Mapping[str, Any], name: str) -> str:
    """Return the value of a setting as text in lower case; empty if the setting is not set."""
    return str(raw.get(name) or "").lower()


def is_on(raw: Mapping[str, Any], name: str) -> bool:
    """Return whether a setting with the values on and off is on."""
    return text_of(raw, name) in _ON


def is_off(raw: Mapping[str, Any], name: str) -> bool:
    """Return whether a setting with several values is off, or not set."""
    return text_of(raw, name) in _OFF
