"""Variables of the environment that are almost, but not quite, one of ours."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Final

PREFIXES: Final = ("AUTH_", "BETTER_AUTH_", "DATABASE_")

# What Better Auth, its starter kits and the usual database tools read themselves.
FOREIGN: Final = frozenset(
    {
        *("AUTH_SECRET", "AUTH_URL", "AUTH_TRUST_HOST"),
        *("BETTER_AUTH_API_KEY", "BETTER_AUTH_API_URL", "BETTER_AUTH_TRUSTED_ORIGINS"),
        *("BETTER_AUTH_TELEMETRY", "BETTER_AUTH_TELEMETRY_DEBUG", "BETTER_AUTH_TELEMETRY_ENDPOINT"),
        *("DATABASE_HOST", "DATABASE_NAME", "DATABASE_PASSWORD", "DATABASE_PORT", "DATABASE_USER"),
    }
)

_CLOSE: Final = 0.85
# Names without a prefix of ours are anybody's: short ones, and those less alike, are let be.
_CLOSER: Final = 0.9
_LONG: Final = 8


def misspellings(names: Collection[str], known: Collection[str]) -> Iterator[str]:
    """Complain of names that were probably meant to be others.

    A name whose likely meaning is set as well is no slip: it is somebody else's.

    Args:
        names: Those of the environment, in any case.
        known: Those that mean something here, in upper case.
    """
    given = {name.upper() for name in names}
    for name in sorted(given - FOREIGN - {*known}):
        if name.startswith(PREFIXES) or len(name) >= _LONG:
            cutoff = _CLOSE if name.startswith(PREFIXES) else _CLOSER
            meant = get_close_matches(name, known, n=1, cutoff=cutoff)
            if meant and meant[0] not in given:
                yield (
                    f"{name}: nothing here has this name. Set {meant[0]}, if that is meant, or"
                    " unset it."
                )
