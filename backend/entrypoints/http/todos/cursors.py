"""Page cursors: where a list goes on, in a form that callers hand back unread.

A cursor is sealed: it is good for the caller and the list that it was handed out for, and for
nothing else.
"""

import base64
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic_core import to_json

from backend.domain.todo_list import TodoPosition, TodoQuery

TAG_LENGTH: Final = 16

CursorKey = Callable[[], Awaitable[bytes]]


class InvalidCursorError(ValueError):
    """A cursor that was not handed out for this list."""


class Cursors:
    """Hands cursors out, and takes them back.

    Args:
        key: Gives the key that seals them: the same one in every process, and after a restart.
    """

    def __init__(self, key: CursorKey) -> None:
        self._ask_for_key = key
        self._key: bytes | None = None

    async def seal(self, position: TodoPosition, user_id: str, query: TodoQuery) -> str:
        """Write a position down as an opaque string.

        Args:
            position: The place in the list.
            user_id: Whose list it is.
            query: Which list it is; its pages may have any length.
        """
        content = to_json([position.key, position.id])
        return _pack(await self._tag(content, user_id, query) + content)

    async def open(self, cursor: str, user_id: str, query: TodoQuery) -> TodoPosition:
        """Read a position back.

        Args:
            cursor: What the caller sent. Untrusted.
            user_id: The caller.
            query: The list that is to go on.

        Raises:
            InvalidCursorError: It was not handed out to this caller for this list.
        """
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_")
        except ValueError:
            sealed = b""
        tag, content = sealed[:TAG_LENGTH], sealed[TAG_LENGTH:]
        genuine = hmac.compare_digest(tag, await self._tag(content, user_id, query))
        if not genuine or _pack(sealed) != cursor:  # which has one spelling
            raise InvalidCursorError("is not a cursor of this list: keep its sort and its filters")
        key, todo_id = json.loads(content)
        if query.sort.field in {"created_at", "due_at"}:
            key = datetime.fromisoformat(key)
        return TodoPosition(key=key, id=UUID(todo_id))

    async def _tag(self, content: bytes, user_id: str, query: TodoQuery) -> bytes:
        if self._key is None:
            self._key = await self._ask_for_key()
        bound = [user_id, query.sort, query.completed, query.priority, query.due_before, query.q]
        text = to_json(bound) + b"\n" + content  # no JSON has a newline
        return hmac.digest(self._key, text, "sha256")[:TAG_LENGTH]


def _pack(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")
