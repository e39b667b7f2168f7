"""Distinguishes random words from words of a language and from numbers."""

import re
from typing import Final

SECRET_MIN_LENGTH: Final = 16  # characters
FRAGMENT_MIN_LENGTH: Final = 4  # of a part of a secret, in characters
MAX_DIGITS: Final = 21  # Google's user ids have 21 digits
_MAX_LETTERS_OF_NUMBER: Final = 2  # for example 20261130T123340Z
_MIN_CHANGES: Final = 3  # between letters and digits
_MIN_CHANGES_OF_FRAGMENT: Final = 2
_MIN_PIECES_OF_FRAGMENT: Final = 3
_MIN_MEAN_LENGTH: Final = 3.5  # of the words in camelCaseText or UPPER_CASE_TEXT
_MIN_SHARE_OF_WORDS: Final = 0.65
_SHORTEST_WORD: Final = 3
_LONGEST_WORD: Final = 20
_VOWELS: Final = frozenset("aeiouy")
_MIN_SHARE_OF_VOWELS: Final = 0.14
_SEPARATORS: Final = re.compile(r"[/=+%~_-]")
_MARK: Final = re.compile(r"[!#$%^&*()\[\]{}<>|;\"'`\\@?]")
_MIN_MARKS_OF_PASSWORD: Final = 2
_LETTERS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_CHANGE: Final = re.compile(r"[A-Za-z](?=[0-9])|[0-9](?=[A-Za-z])")
_UNPRONOUNCEABLE: Final = re.compile(r"[^aeiouy]{5}|j[^aeiouy]|q[^u]|[^aeiouy]x[^aeiouy]|zx|vv|ww")


def is_secret(word: str, shortest: int) -> bool:
    """Return whether a word looks like a secret.

    Args:
        word: Letters, digits and separators, without whitespace.
        shortest: The minimum length of a secret in characters.
    """
    if len(word) < shortest:
        return False
    if len(word) < SECRET_MIN_LENGTH:
        return is_mixed(word)
    parts = [part for part in _SEPARATORS.split(word) if len(part) >= SECRET_MIN_LENGTH]
    return any(map(_is_random, [word, *parts]))


def _is_random(word: str) -> bool:
    """Return whether a long word is neither text nor a number."""
    pieces = _LETTERS.findall(word)
    letters, digits = sum(map(len, pieces)), sum(map(str.isdigit, word))
    if letters <= _MAX_LETTERS_OF_NUMBER:
        return digits > MAX_DIGITS
    if len(_CHANGE.findall(word)) >= _MIN_CHANGES or letters < _MIN_MEAN_LENGTH * len(pieces):
        return True
    words = sum(len(piece) for piece in pieces if _is_pronounceable(piece.lower()))
    return words < _MIN_SHARE_OF_WORDS * (letters + digits)


def is_mixed(word: str) -> bool:
    """Return whether a short word mixes letters, digits and cases as text does not."""
    pieces = _LETTERS.findall(word)
    letters = sum(map(len, pieces))
    if letters <= _MAX_LETTERS_OF_NUMBER:
        return False
    return len(_CHANGE.findall(word)) >= _MIN_CHANGES_OF_FRAGMENT or (
        len(pieces) >= _MIN_PIECES_OF_FRAGMENT and letters < _MIN_MEAN_LENGTH * len(pieces)
    )


def is_password(text: str) -> bool:
    """Return whether a long text mixes letters, cases, digits and punctuation as passwords do.

    Args:
        text: Any characters without whitespace.
    """
    if len(_MARK.findall(text)) < _MIN_MARKS_OF_PASSWORD or not any(map(str.isdigit, text)):
        return False
    pieces = _LETTERS.findall(text)
    return sum(map(len, pieces)) < _MIN_MEAN_LENGTH * len(pieces)


def _is_pronounceable(piece: str) -> bool:
    vowels = sum(letter in _VOWELS for letter in piece)
    return (
        _SHORTEST_WORD <= len(piece) <= _LONGEST_WORD
        and vowels >= _MIN_SHARE_OF_VOWELS * len(piece)
        and _UNPRONOUNCEABLE.search(piece) is None
    )
