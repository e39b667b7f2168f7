"""Page cursors: where a list goes on, in a form that callers hand back unread."""

import base64
import binascii
import json
from datetime import UTC, datetime
from uuid import UUID

from backend.domain.todo import Priority, TodoPosition, TodoSort


class InvalidCursorError(ValueError):
    """A cursor that was not handed out for this list."""


def encode(position: TodoPosition, sort: TodoSort) -> str:
    """Write a position down as an opaque string."""
    key = position.key.isoformat() if isinstance(position.key, datetime) else position.key
    text = json.dumps([sort, key, str(position.id)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, sort: TodoSort) -> TodoPosition:
    """Read a position back.

    Args:
        cursor: What the caller sent. Untrusted.
        sort: The order of the list that is to go on.

    Raises:
        InvalidCursorError: It is not a cursor, or one of a list in another order.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        sorted_by, key, todo_id = json.loads(
            base64.b64decode(padded, altchars=b"-_", validate=True)
        )
        position = TodoPosition(key=_key(key, sort), id=UUID(todo_id))
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise InvalidCursorError("is not a cursor of this list") from None
    if sorted_by != sort:
        raise InvalidCursorError("is a cursor of a list in another order")
    return position


def _key(key: object, sort: TodoSort) -> datetime | int | str:
    """Return a sort key as the repository knows it, if it can be one."""
    match sort.field:
        case "created_at" | "due_at" if isinstance(key, str):
            moment = datetime.fromisoformat(key)
            if moment.tzinfo is UTC:
                return moment
        case "priority" if type(key) is int and key in range(len(Priority)):
            return key
        case "title" if isinstance(key, str) and "\0" not in key:
            key.encode()  # raises for the lone surrogates that no title holds
            return key
    raise InvalidCursorError("is not a cursor of this list")
