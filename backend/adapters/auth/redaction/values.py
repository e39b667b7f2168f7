"""Hides secrets in values that are shown to an operator: tokens, passwords, key material.

The form of a value decides, because a secret can have any name:

- A JOSE token or a signed session token is hidden, also within text.
- A word of 16 or more letters and digits is hidden, unless it looks like words or a number.
- A text without whitespace that mixes letters, digits and punctuation is hidden, like a password.
- Shorter words of that kind are hidden if they have 16 characters together: they can be parts of
  a secret.
- A list of 16 bytes or more is hidden.
- UUIDs, e-mail addresses, dates and numbers stay readable. Identifiers of up to 64 characters under
  the names of `_IDENTIFIERS`, for example `sub` and `kid`, stay readable too.

In addition, names that suggest a secret, such as `password`, hide any value.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from backend.adapters.auth.redaction.words import (
    FRAGMENT_MIN_LENGTH,
    MAX_DIGITS,
    SECRET_MIN_LENGTH,
    is_mixed,
    is_password,
    is_secret,
)

REDACTED: Final = "(redacted)"
OMITTED: Final = "(too deep)"

_MAX_DEPTH: Final = 12
_MAX_QUOTED: Final = 200  # characters
_MAX_QUOTED_ITEMS: Final = 16
_MAX_ACCEPTED: Final = 5
_IDENTIFIER_MAX_LENGTH: Final = 64
_MAX_BYTE: Final = 255

_IDENTIFIERS: Final = frozenset(
    {"sub", "iss", "aud", "azp", "kid", "id", "oid", "tid", "clientid", "userid", "accountid"}
    | {"orgid", "organizationid", "activeorganizationid", "activeteamid", "impersonatedby"}
)
_SECRET_NAMES: Final = frozenset(
    {"athash", "chash", "cnf", "jti", "jwk", "nonce", "sid", "x5c"}
    | {"code", "cookie", "jwt", "otp", "pin", "salt", "totp"}
)
_SECRET_WORDS: Final = re.compile(
    r"token|secret|passw|passphrase|passcode|apikey|privatekey|credential|signature"
    r"|(backup|recovery|verification|reset|login|auth|onetime)code"
)
_SECRET_VALUE: Final = re.compile(  # a JOSE token, or Better Auth's signed session token
    r"(?<![\w-])(eyJ[\w-]+\.[\w-]*\.|[A-Za-z0-9]{32}\.[A-Za-z0-9+/=%_-]{40})",
    re.ASCII | re.IGNORECASE,
)
_SECRET_PART: Final = re.compile(  # the password in a URL; bytes in hexadecimal digits
    r"(?<=://)[^/@\s]*@|\b[0-9a-f]{2}(?:[:\s][0-9a-f]{2}){15,}\b", re.IGNORECASE
)
_EMAIL: Final = re.compile(r"[\w.+'-]{1,64}@[\w-]+(\.[\w-]+)+")
_UUID: Final = re.compile(
    r"((?<![0-9A-Za-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9A-Za-z]))", re.IGNORECASE
)
_WORD: Final = re.compile(r"[A-Za-z0-9_+/=%~-]+")
_NOT_A_URL: Final = re.compile(r"(?<!\S)(?!\S*://)\S{16,}")  # with its punctuation


def redacted(value: Any, *, name: str = "") -> Any:
    """Return a copy of a JSON value without secrets.

    Args:
        value: A parsed JSON value.
        name: The name of the value, if any.
    """
    fragments = sum(map(len, _fragments(value, name)))
    shortest = FRAGMENT_MIN_LENGTH if fragments >= SECRET_MIN_LENGTH else SECRET_MIN_LENGTH
    return _redacted(value, name, shortest, _MAX_DEPTH)


def quoted(value: Any, *, name: str = "") -> str:
    """Format a value for a message: JSON in ASCII, without secrets, cut if long.

    Args:
        value: A parsed JSON value.
        name: The name of the value, if any.
    """
    text = json.dumps(redacted(_beginning(value), name=name))
    return text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}..."


def any_of(identifiers: Iterable[str]) -> str:
    """Format the accepted issuers or audiences for a message; the first few of many.

    Clients without a valid token can cause such messages, so a message must not become long.
    """
    accepted = sorted(identifiers)
    listed = [quoted(identifier, name="iss") for identifier in accepted[:_MAX_ACCEPTED]]
    hidden = len(accepted) - len(listed)
    return " or ".join([*listed, *([f"{hidden} more"] if hidden else [])])


def _beginning(value: Any, depth: int = _MAX_DEPTH) -> Any:
    """Return the part of a value that a message can show, so that the work is limited."""
    match value:
        case str():
            return value[: 2 * _MAX_QUOTED]
        case list() if depth:
            return [_beginning(item, depth - 1) for item in value[:_MAX_QUOTED_ITEMS]]
        case dict() if depth:
            members = list(value.items())[:_MAX_QUOTED_ITEMS]
            return {name[:_MAX_QUOTED]: _beginning(member, depth - 1) for name, member in members}
    return value


def _redacted(  # noqa: PLR0911 - a return for each kind of value
    value: Any, name: str, shortest: int, depth: int
) -> Any:
    """Hide secrets of at least `shortest` characters, and values more than `depth` levels deep."""
    if isinstance(value, dict | list) and not depth:
        return OMITTED
    if _suggests_secret(name) or _is_bytes(value):
        return REDACTED
    match value:
        case dict():
            return {
                _redacted_text(key, shortest): _redacted(member, key, shortest, depth - 1)
                for key, member in value.items()
            }
        case list():
            return [_redacted(item, name, shortest, depth - 1) for item in value]
        case str():
            shortest = _IDENTIFIER_MAX_LENGTH + 1 if _is_identifier(name) else shortest
            return _redacted_text(value, shortest)
        case int():
            return value if abs(value) < 10**MAX_DIGITS else REDACTED
    return value


def _redacted_text(text: str, shortest: int) -> str:
    if _SECRET_VALUE.search(text):
        return REDACTED
    if _EMAIL.fullmatch(text):
        return text
    text = _NOT_A_URL.sub(
        lambda run: REDACTED if len(run[0]) >= shortest and is_password(run[0]) else run[0], text
    )
    parts = _UUID.split(_SECRET_PART.sub(REDACTED, text))
    parts[::2] = [
        _WORD.sub(lambda word: REDACTED if is_secret(word[0], shortest) else word[0], part)
        for part in parts[::2]
    ]
    return "".join(parts)


def _fragments(value: Any, name: str, depth: int = _MAX_DEPTH) -> Iterator[str]:
    """Yield the short random words of a value, which may be parts of the same secret."""
    if isinstance(value, dict) and depth:
        for key, member in value.items():
            yield from _fragments(member, key, depth - 1)
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _fragments(item, name, depth - 1)
    elif isinstance(value, str) and not _is_identifier(name) and not _EMAIL.fullmatch(value):
        for part in _UUID.split(value)[::2]:
            for word in _WORD.findall(part):
                if FRAGMENT_MIN_LENGTH <= len(word) < SECRET_MIN_LENGTH and is_mixed(word):
                    yield word


def _is_bytes(value: Any) -> bool:
    """Return whether a value is an array of bytes in the format of `JSON.stringify`."""
    items = list(value.values()) if isinstance(value, dict) else value
    return (
        isinstance(items, list)
        and len(items) >= SECRET_MIN_LENGTH
        and all(type(item) is int and 0 <= item <= _MAX_BYTE for item in items)
    )


def _is_identifier(name: str) -> bool:
    return _normalized(name) in _IDENTIFIERS


def _suggests_secret(name: str) -> bool:
    normalized = _normalized(name)
    return normalized in _SECRET_NAMES or bool(_SECRET_WORDS.search(normalized))


def _normalized(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
