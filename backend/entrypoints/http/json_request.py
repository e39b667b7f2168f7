"""A request whose JSON body is UTF-8."""

import codecs
import json
from typing import Any, Final

from fastapi import Request

_UTF_8: Final = frozenset({"utf-8", "utf-8-sig"})


class JsonRequest(Request):
    """A request that refuses JSON in another encoding than UTF-8 (RFC 8259, section 8.1).

    Starlette accepts UTF-16, UTF-32 and encoded surrogates too. A byte order mark is ignored.
    """

    async def json(self) -> Any:
        """Return the body, parsed as JSON.

        Raises:
            UnicodeError: The body is not UTF-8. FastAPI answers 400.
            json.JSONDecodeError: The body is not JSON.
        """
        if not hasattr(self, "_json"):
            body = await self.body()
            if json.detect_encoding(body) not in _UTF_8:
                raise UnicodeError("JSON must be UTF-8")
            self._json = json.loads(body.removeprefix(codecs.BOM_UTF8).decode())
        return self._json
