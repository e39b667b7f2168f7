"""Reads the claims that describe a user, from any issuer.

Such a claim never fails authentication. A claim of the wrong type is ignored, as if the claim were
missing. A claim with the value null is ignored too: the issuer's database decides whether the
issuer writes null or leaves out the claim.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.adapters.auth.claims import Claims
from backend.domain.read_only import ReadOnlyMapping

# A principal stays in the cache, so its claims must not take much more memory than their JSON.
_MAX_VALUES: Final = 1000
_MAX_DEPTH: Final = 16  # so that recursive functions can process a claim

_EMPTY: Final = frozenset[str]()

_log = logging.getLogger(__name__)


def text(claims: Claims, name: str) -> str | None:
    """Return a text that is not empty; None for any other value."""
    value = claims.get(name)
    if value is None or is_unicode(value):
        return value or None
    _ignore(name)
    return None


def words(claims: Claims, name: str, *, separator: str) -> frozenset[str]:
    """Return the words of a string with separators, or of a list; none for any other value."""
    value = claims.get(name)
    if value is None:
        return _EMPTY
    items = value.split(separator) if isinstance(value, str) else value
    if not isinstance(items, list) or not all(map(is_unicode, items)):
        _ignore(name)
        return _EMPTY
    return frozenset(word for word in map(str.strip, items) if word)


def select(claims: Claims, names: Sequence[str]) -> Mapping[str, Any]:
    """Return the claims with these names whose values are small and can be encoded."""
    selected = {name: claims[name] for name in names if claims.get(name) is not None}
    for name in [name for name, value in selected.items() if not _is_acceptable(value)]:
        _log.debug("the claim %s is ignored: it is too large, or has a lone surrogate", name)
        del selected[name]
    return ReadOnlyMapping(selected)


def is_unicode(value: object) -> bool:
    """Return whether a value is a string without lone surrogates, which UTF-8 cannot encode."""
    if not isinstance(value, str):
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_acceptable(value: Any) -> bool:
    """Return whether a value is small, not deeply nested, and without lone surrogates."""
    level, count = [value], 1
    for _ in range(_MAX_DEPTH):
        children: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                children += [*item.keys(), *item.values()]
            elif isinstance(item, list):
                children += item
            elif isinstance(item, str) and not is_unicode(item):
                return False
        if not children:
            return True
        count += len(children)
        if count > _MAX_VALUES:
            return False
        level = children
    return False


def _ignore(name: str) -> None:
    _log.debug("the claim %s is ignored: it has the wrong type, or a lone surrogate", name)
