"""Entity tags: a todo's version as HTTP names it (RFC 9110, section 8.8.3)."""

import re
from collections.abc import Sequence
from typing import Final

from backend.domain.todo import Todo

_TAG: Final = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def of(todo: Todo) -> str:
    """Return the strong entity tag of a todo."""
    return f'"{todo.version}"'


def match(header: Sequence[str] | None, todo: Todo, *, weak: bool = False) -> bool:
    """Tell whether an If-Match or If-None-Match header names a todo as it is.

    Args:
        header: The header's values; None if it was not sent, which matches nothing.
        todo: The todo.
        weak: Whether weak tags match too, as in If-None-Match (section 13.1.2).
    """
    if header is None:
        return False
    tags = _TAG.findall(",".join(header))
    return "*" in (value.strip() for value in header) or any(
        tag == of(todo) and (weak or not weakness) for weakness, tag in tags
    )
