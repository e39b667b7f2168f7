"""A strict reader of JWS compact serialization and its JSON (RFC 7515, section 7.1).

The input is untrusted, so each value has a single accepted encoding: canonical base64url without
padding, strict UTF-8, RFC 8259 objects without duplicate members. Ambiguous input is malformed,
because an attacker can exploit two readers that understand a token differently.
"""

import binascii
import json
import math
from typing import Any, Final, NoReturn

import msgspec
from pydantic_core import to_json

from backend.domain.auth import MalformedTokenError

TOKEN_MAX_LENGTH: Final = 16 * 1024  # characters

_MAX_DEPTH: Final = 255  # objects and arrays inside each other

CompactJws = tuple[bytes, bytes, bytes, bytes]  # header, payload, signing input, signature

_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING: Final = (b"", b"", b"==", b"=")
# The allowed last characters, by the length modulo 4: their unused bits are zero.
_LAST: Final = (bytes(range(256)), b"", b"AQgw", b"AEIMQUYcgkosw048")


def parse_compact(token: str, *, max_length: int = TOKEN_MAX_LENGTH) -> CompactJws:
    """Split a token into its parts.

    Args:
        token: Three base64url segments joined by dots. Untrusted.
        max_length: The maximum number of characters; longer tokens are not read.

    Returns:
        The header and the payload, still encoded because they are not verified yet; the bytes
        that the signature covers; the signature, decoded.

    Raises:
        MalformedTokenError: The token has another form.
    """
    if len(token) > max_length:
        raise MalformedTokenError(f"longer than {max_length} characters")
    try:
        signing_input, _, signature = token.encode("ascii").rpartition(b".")
    except UnicodeEncodeError:
        raise MalformedTokenError("not ASCII") from None
    header, dot, payload = signing_input.partition(b".")
    if not dot or b"." in payload:
        raise MalformedTokenError("not three segments")
    return header, payload, signing_input, decode_base64url(signature)


def decode_base64url(segment: bytes) -> bytes:
    """Decode canonical base64url without padding (RFC 7515, section 2; RFC 4648, section 3.5).

    Raises:
        MalformedTokenError: Invalid characters, padding, a wrong length or non-zero trailing bits.
    """
    remainder = len(segment) % 4
    if not segment or segment[-1] not in _LAST[remainder]:
        raise MalformedTokenError("a segment is not canonical base64url")
    try:
        return binascii.a2b_base64(
            segment.translate(_TO_STANDARD) + _PADDING[remainder], strict_mode=True
        )
    except binascii.Error:
        raise MalformedTokenError("a segment is not canonical base64url") from None


def decode_object(segment: bytes, *, lone_surrogates: bool = False) -> dict[str, Any]:
    """Decode a base64url segment that holds a JSON object.

    Args:
        segment: The segment. Untrusted.
        lone_surrogates: Whether texts may contain lone surrogates, see `load_object`.

    Raises:
        MalformedTokenError: The segment is not canonical base64url of a strict JSON object.
    """
    return load_object(decode_base64url(segment), lone_surrogates=lone_surrogates)


def load_object(data: bytes, *, lone_surrogates: bool = False) -> dict[str, Any]:
    """Read a JSON object (RFC 8259), whose member names are unique (RFC 7515, section 4).

    Args:
        data: The JSON text. Untrusted.
        lone_surrogates: Whether texts may contain lone surrogates, which JavaScript writes as
            escapes when it cuts a text in the middle of an emoji. The result then may contain
            texts that UTF-8 cannot encode.

    Raises:
        MalformedTokenError: Not UTF-8, not JSON, not an object, a duplicate member, a number that
            is not finite, a lone surrogate that is not allowed, or too deeply nested.
    """
    try:
        value = _READER.decode(data)
        # The fast path for output of `JSON.stringify`: if encoding the value again gives the same
        # bytes, there was no duplicate member, and no number has changed.
        if _WRITER.encode(value) == data:
            return value
    except ValueError:
        pass  # the strict decoder decides
    return _load_strictly(data, lone_surrogates=lone_surrogates)


def _load_strictly(data: bytes, *, lone_surrogates: bool) -> dict[str, Any]:
    try:
        value = _DECODER.decode(data.decode("utf-8"))
        if lone_surrogates:
            _check_depth(value)
        else:
            to_json(value)  # rejects lone surrogates, and a depth over 254 on every interpreter
    except (ValueError, RecursionError):
        raise MalformedTokenError("not strict JSON") from None
    if not isinstance(value, dict):
        raise MalformedTokenError("not a JSON object")
    return value


def _check_depth(value: Any) -> None:
    """Limit the nesting like `to_json`. The limit of `json` depends on the interpreter."""
    level = [value]
    for _ in range(_MAX_DEPTH + 1):
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return
        level = [
            item
            for container in containers
            for item in (container.values() if isinstance(container, dict) else container)
        ]
    raise ValueError("too deeply nested")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError("out of range")
    return number


def _no_constant(literal: str) -> NoReturn:
    raise ValueError(literal)


# The values that tokens and key sets usually contain. The strict decoder reads the rest: values
# that are nested deeper, and fractions, because some fractions take msgspec 50 times as long.
_Scalar = str | int | bool | None
_Flat = _Scalar | list[_Scalar] | dict[str, _Scalar]
_Nested = _Scalar | list[_Flat] | dict[str, _Flat]
_Usual = _Scalar | list[_Nested] | dict[str, _Nested]

_READER: Final = msgspec.json.Decoder(dict[str, _Usual])
_WRITER: Final = msgspec.json.Encoder()
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant
)
