"""What makes a repeated request known as the one before: its key, and what it asked for.

InvalidIdempotencyKeyError    a key breaks the rule
IdempotencyKeyReusedError     the key was used before, to ask for something else
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

KEY_MAX_LENGTH: Final = 255
KEY_PATTERN: Final = "^[ -~]+$"

# From the creation of what the first request asked for; then its key is as good as new.
REMEMBERED_FOR: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """Names a request, so that asking again does nothing again.

    Attributes:
        key: What its caller names it: 1 to 255 printable ASCII characters.
        fingerprint: A digest of what it asks for.

    Raises:
        InvalidIdempotencyKeyError: The key breaks the rule.
    """

    key: str
    fingerprint: bytes

    def __post_init__(self) -> None:
        if len(self.key) > KEY_MAX_LENGTH or not re.fullmatch(KEY_PATTERN, self.key):
            raise InvalidIdempotencyKeyError("must be 1 to 255 printable ASCII characters")

    def require(self, fingerprint: bytes) -> None:
        """Check that the request which the key was first used for is this one.

        Raises:
            IdempotencyKeyReusedError: It asked for something else.
        """
        if fingerprint != self.fingerprint:
            raise IdempotencyKeyReusedError("the key was used to ask for something else")


class InvalidIdempotencyKeyError(ValueError):
    """A key breaks the rule."""


class IdempotencyKeyReusedError(Exception):
    """The key was used before, to ask for something else."""
