"""Entity tags: the version of a todo in HTTP headers (RFC 9110, section 8.8.3)."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from backend.domain.todo import Todo

_TAG: Final = re.compile(r'[ \t,]*(W/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)')


def of(todo: Todo) -> str:
    """Return the strong entity tag of a todo."""
    return f'"{todo.version}"'


def is_any(header: Sequence[str] | None) -> bool:
    """Return whether a header is `*`, which matches every version.

    Args:
        header: The values of the header; None if the header is absent.
    """
    return ",".join(header or ()).strip(" \t") == "*"


def match(header: Sequence[str] | None, todo: Todo, *, weak: bool = False) -> bool:
    """Return whether an If-Match or If-None-Match header matches the current version of a todo.

    Args:
        header: The values of the header; None if the header is absent, which matches nothing.
        todo: The todo.
        weak: Whether weak tags match too, as in If-None-Match (section 13.1.2).
    """
    if is_any(header):
        return True
    tags = _parse(",".join(header or ()).strip(" \t"))
    return any(tag == of(todo) and (weak or not is_weak) for is_weak, tag in tags)


def are_strong(header: Sequence[str]) -> bool:
    """Return whether a header is a list of strong tags. Any other header never matches If-Match.

    Args:
        header: The values of the header.
    """
    text = ",".join(header)
    end = 0
    while (found := _TAG.match(text, end)) and found[1] is None:
        end = found.end()
    return end > 0 and not text[end:].strip(" \t,")


def _parse(header: str) -> Iterator[tuple[bool, str]]:
    """Yield whether each tag is weak, and the tag; stop at the first syntax error."""
    start = 0
    while found := _TAG.match(header, start):
        yield found[1] is not None, found[2]
        start = found.end()
