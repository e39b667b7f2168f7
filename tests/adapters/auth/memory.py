"""Finds the strings that an object keeps in memory."""

import gc
from collections import deque
from collections.abc import Iterator


def texts_kept_by(*roots: object) -> Iterator[str]:
    """Yield every string that is reachable through containers and objects of `backend`."""
    pending, seen = list(roots), set[int]()
    while pending:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, str):
            yield value
        elif isinstance(value, bytes | bytearray):
            yield bytes(value).decode("latin-1")
        elif _is_of_backend(value) or isinstance(
            value, dict | list | tuple | set | frozenset | deque
        ):
            pending += gc.get_referents(value)


def _is_of_backend(value: object) -> bool:
    return type(value).__module__.startswith("backend.")
