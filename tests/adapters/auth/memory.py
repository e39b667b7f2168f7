"""What an object keeps alive: the texts that can be reached from it."""

import gc
from collections import deque
from collections.abc import Iterator


def texts_kept_by(*roots: object) -> Iterator[str]:
    """Walk through containers and through our own objects, and yield every text on the way."""
    reached, seen = list(roots), set[int]()
    while reached:
        thing = reached.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, str):
            yield thing
        elif isinstance(thing, bytes | bytearray):
            yield bytes(thing).decode("latin-1")
        elif _is_ours(thing) or isinstance(thing, dict | list | tuple | set | frozenset | deque):
            reached += gc.get_referents(thing)


def _is_ours(thing: object) -> bool:
    return type(thing).__module__.startswith("backend.")
