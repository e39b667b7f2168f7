"""Hides secrets in the parts of a token that are shown: tokens, passwords, key material."""

import json
import re
from typing import Any, Final

REDACTED: Final = "(redacted)"
OMITTED: Final = "(too deep)"

_MAX_DEPTH: Final = 12
_MAX_QUOTED: Final = 200  # characters
_SECRET_NAMES: Final = frozenset({"athash", "chash", "cnf", "jti", "jwk", "nonce", "sid", "x5c"})
_SECRET_WORDS: Final = re.compile(r"token|secret|password|passwd|apikey|privatekey|backupcode")
_SECRET_VALUE: Final = re.compile(  # a JOSE token, or Better Auth's signed session token
    r"(Bearer )?(eyJ[\w-]+\.[\w-]*(\.[\w-]*)+=*|[A-Za-z0-9]{32}\.[A-Za-z0-9+/=%_-]{40,})",
    re.ASCII | re.IGNORECASE,
)


def redacted(value: Any, *, depth: int = _MAX_DEPTH) -> Any:
    """Return a copy of a JSON value without secrets.

    Args:
        value: A parsed JSON value from a token.
        depth: How many levels of objects and lists the copy keeps.
    """
    if isinstance(value, dict | list) and not depth:
        return OMITTED
    if isinstance(value, dict):
        return {
            name: REDACTED if _is_secret(name) else redacted(member, depth=depth - 1)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [redacted(item, depth=depth - 1) for item in value]
    if isinstance(value, str) and _SECRET_VALUE.search(value):
        return REDACTED
    return value


def quoted(value: Any) -> str:
    """Format a value from a token for a message: JSON in ASCII, without secrets, cut if long."""
    text = json.dumps(redacted(value))
    return text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}..."


def _is_secret(name: str) -> bool:
    normalized = re.sub(r"[^a-z0-9]", "", name.lower())
    return normalized in _SECRET_NAMES or bool(_SECRET_WORDS.search(normalized))
