"""Entity tags: a todo's version as HTTP names it (RFC 9110, section 8.8.3)."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from backend.domain.todo import Todo

_TAG: Final = re.compile(r'[ \t,]*(W/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)')


def of(todo: Todo) -> str:
    """Return the strong entity tag of a todo."""
    return f'"{todo.version}"'


def is_any(header: Sequence[str] | None) -> bool:
    """Tell whether a header is `*`: whatever version there is."""
    return ",".join(header or ()).strip(" \t") == "*"


def match(header: Sequence[str] | None, todo: Todo, *, weak: bool = False) -> bool:
    """Tell whether an If-Match or If-None-Match header names a todo as it is.

    Args:
        header: The header's values; None if it was not sent, which matches nothing.
        todo: The todo.
        weak: Whether weak tags match too, as in If-None-Match (section 13.1.2).
    """
    if is_any(header):
        return True
    listed = ",".join(header or ()).strip(" \t")
    return any(tag == of(todo) and (weak or not weakness) for weakness, tag in _tags(listed))


def _tags(listed: str) -> Iterator[tuple[str | None, str]]:
    """Read a list of tags up to its end, or to the first thing that is none."""
    start = 0
    while found := _TAG.match(listed, start):
        yield found[1], found[2]
        start = found.end()
