"""Idempotency: how a repeated request is recognized, by its key and its content.

InvalidIdempotencyKeyError    the key breaks the format rule
IdempotencyKeyReusedError     the key was used for a different request
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

KEY_MAX_LENGTH: Final = 255
KEY_PATTERN: Final = "^[ -~]+$"

# Counted from the creation of the todo. After that, the key may be used for a new request.
REMEMBERED_FOR: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """Identifies a request, so that its repetition has no further effect.

    Attributes:
        key: The key that the client chose: 1 to 255 printable ASCII characters.
        fingerprint: A digest of the request's content.

    Raises:
        InvalidIdempotencyKeyError: The key breaks the format rule.
    """

    key: str
    fingerprint: bytes

    def __post_init__(self) -> None:
        if len(self.key) > KEY_MAX_LENGTH or not re.fullmatch(KEY_PATTERN, self.key):
            raise InvalidIdempotencyKeyError("must be 1 to 255 printable ASCII characters")

    def require(self, fingerprint: bytes) -> None:
        """Check that the first request with this key had the same content.

        Args:
            fingerprint: The fingerprint of the first request.

        Raises:
            IdempotencyKeyReusedError: The first request had different content.
        """
        if fingerprint != self.fingerprint:
            raise IdempotencyKeyReusedError("the key was used for a different request")


class InvalidIdempotencyKeyError(ValueError):
    """The key breaks the format rule. The message is for the caller."""


class IdempotencyKeyReusedError(Exception):
    """The key was used for a different request."""
