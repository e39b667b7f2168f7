"""What of a token may be shown: names and values, but nothing that opens anything."""

import json
import re
from typing import Any, Final

REDACTED: Final = "(redacted)"
OMITTED: Final = "(too deep)"

_MAX_DEPTH: Final = 12
_MAX_QUOTED: Final = 200
_SECRET_NAMES: Final = frozenset({"athash", "chash", "cnf", "jti", "jwk", "nonce", "sid", "x5c"})
_SECRET_WORDS: Final = re.compile(r"token|secret|password|passwd|apikey|privatekey|backupcode")
_SECRET_LOOKS: Final = re.compile(  # a JOSE token, or Better Auth's signed or bare session token
    r"(Bearer )?(eyJ[\w-]+\.[\w-]*(\.[\w-]*)+=*|[A-Za-z0-9]{32}\.[A-Za-z0-9+/=%_-]{40,})",
    re.ASCII | re.IGNORECASE,
)


def redacted(part: Any, *, depth: int = _MAX_DEPTH) -> Any:
    """Return a part of a token without what somebody could use, and not deeper than one reads.

    Args:
        part: Parsed JSON.
        depth: How far down it is shown.
    """
    if isinstance(part, dict | list) and not depth:
        return OMITTED
    if isinstance(part, dict):
        return {
            name: REDACTED if _is_secret(name) else redacted(value, depth=depth - 1)
            for name, value in part.items()
        }
    if isinstance(part, list):
        return [redacted(value, depth=depth - 1) for value in part]
    if isinstance(part, str) and _SECRET_LOOKS.search(part):
        return REDACTED
    return part


def quoted(value: Any) -> str:
    """Write a value of a token's as it may stand in a sentence: ASCII, short, without secrets."""
    text = json.dumps(redacted(value))
    return text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}..."


def _is_secret(name: str) -> bool:
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return plain in _SECRET_NAMES or bool(_SECRET_WORDS.search(plain))
