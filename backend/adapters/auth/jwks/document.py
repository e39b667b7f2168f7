"""Reads the JSON of a key set. A bad member makes only its own key unusable.

The strict reader of tokens is tried first. If it rejects the document, each key is checked alone.
"""

import codecs
import json
import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pydantic_core import to_json

from backend.adapters.auth.jose.jws import load_object
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.domain.auth import MalformedTokenError

MAX_KEYS: Final = 1000

_MAX_DIGITS: Final = 300  # of an integer; Python refuses to read more than 4300


class NotStrict(NamedTuple):
    """A JSON value that the strict reader would reject."""

    reason: str


def read_members(document: bytes) -> Sequence[object]:
    """Return the members of the list `keys`, each a JSON value or `NotStrict`.

    Args:
        document: The body of the issuer's response. Untrusted. A byte order mark at its beginning
            is ignored (RFC 8259, section 8.1).

    Raises:
        FetchError: The document is not a key set of at most `MAX_KEYS` keys.
    """
    document = document.removeprefix(codecs.BOM_UTF8)
    try:
        value: object = load_object(document)
        is_strict = True
    except MalformedTokenError:
        value = _load_leniently(document)
        is_strict = False
    members = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(members, list) or len(members) > MAX_KEYS:
        raise FetchError(
            f"not a key set: `keys` is not a list of at most {MAX_KEYS} keys",
            kind=FetchErrorKind.NOT_A_KEY_SET,
        )
    return members if is_strict else [_checked(member) for member in members]


def _load_leniently(document: bytes) -> object:
    try:
        return _DECODER.decode(document.decode("utf-8"))
    except (ValueError, RecursionError):
        raise FetchError(
            "not a key set: not strict JSON", kind=FetchErrorKind.NOT_A_KEY_SET
        ) from None


def _checked(member: object) -> object:
    pending = [member]
    while pending:
        value = pending.pop()
        if isinstance(value, NotStrict):
            return value
        if isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    try:
        to_json(member)
    except ValueError:
        return NotStrict("a lone surrogate, or too deeply nested")
    return member


def _object(pairs: list[tuple[str, Any]]) -> object:
    members = dict(pairs)
    return members if len(members) == len(pairs) else NotStrict("a duplicate member")


def _float(literal: str) -> object:
    number = float(literal)
    return number if math.isfinite(number) else NotStrict("a number out of range")


def _int(literal: str) -> object:
    return int(literal) if len(literal) <= _MAX_DIGITS else NotStrict("a number out of range")


def _constant(_literal: str) -> object:
    return NotStrict("not a JSON number")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant
)
