"""The search key of a text: without case, and in a Unicode normal form."""

import re
import unicodedata
from typing import Final

_MARKS_MAX: Final = 30  # consecutive combining marks
_TOO_MANY_MARKS: Final = re.compile(rb"[^\0]{%d}" % (_MARKS_MAX + 1))
_GRAPHEME_JOINER: Final = "\u034f"


def search_key(text: str) -> str:
    """Return the key with which searches compare a text, independent of case and normal form.

    Texts that Unicode calls canonical caseless matches (D145) have the same key.
    """
    if text.isascii():
        return text.casefold()
    # Normalization sorts a run of combining marks in quadratic time. A grapheme joiner ends a run,
    # as in the Stream-Safe Text Format of Unicode (UAX #15).
    if _TOO_MANY_MARKS.search(bytes(map(unicodedata.combining, text))):
        text = _limit_marks(text)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _limit_marks(text: str) -> str:
    parts, run = [], 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run > _MARKS_MAX:
            parts.append(_GRAPHEME_JOINER)
            run = 1
        parts.append(character)
    return "".join(parts)
