"""Page cursors: a position in a list as an opaque string.

A cursor is signed with HMAC-SHA256. The signature covers the position, the user, the sort order
and the filters, so a cursor is valid only for this user and this list.
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

SIGNATURE_LENGTH: Final = 16  # bytes

CursorKey = Callable[[], Awaitable[bytes]]


class InvalidCursorError(ValueError):
    """The cursor was not issued for this user and this list. The message is for the caller."""


class Cursors:
    """Encodes and decodes cursors.

    Args:
        load_key: Returns the signing key, which is the same in every process and after a restart.
            The function is called until it succeeds once.
    """

    def __init__(self, load_key: CursorKey) -> None:
        self._load_key = load_key
        self._key: bytes | None = None

    async def encode(self, position: TodoPosition, user_id: str, query: TodoQuery) -> str:
        """Return the cursor for a position.

        Args:
            position: The position in the list.
            user_id: The owner of the list.
            query: The sort order and filters of the list. The other attributes do not matter.
        """
        content = to_json([position.key, position.id])
        return _base64(await self._sign(content, user_id, query) + content)

    async def decode(self, cursor: str, user_id: str, query: TodoQuery) -> TodoPosition:
        """Return the position in a cursor.

        Args:
            cursor: The cursor that the caller sent. Untrusted.
            user_id: The caller.
            query: The sort order and filters of the list that the caller asks for.

        Raises:
            InvalidCursorError: The cursor was not issued for this user and this list.
        """
        try:
            signed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_")
        except ValueError:
            signed = b""
        signature, content = signed[:SIGNATURE_LENGTH], signed[SIGNATURE_LENGTH:]
        genuine = hmac.compare_digest(signature, await self._sign(content, user_id, query))
        # base64 accepts several spellings of the same bytes; only the issued spelling is valid.
        if not genuine or _base64(signed) != cursor:
            raise InvalidCursorError("is not valid for this list; keep its sort order and filters")
        key, todo_id = json.loads(content)
        if query.sort.field in {"created_at", "due_at"}:
            key = datetime.fromisoformat(key)
        return TodoPosition(key=key, id=UUID(todo_id))

    async def _sign(self, content: bytes, user_id: str, query: TodoQuery) -> bytes:
        if self._key is None:
            self._key = await self._load_key()
        scope = [user_id, query.sort, query.completed, query.priority, query.due_before, query.q]
        message = to_json(scope) + b"\n" + content  # compact JSON contains no line break
        return hmac.digest(self._key, message, "sha256")[:SIGNATURE_LENGTH]


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
