"""Finds environment variables whose names are probably misspelled."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Final

from backend.settings.complaints import Complaint

PREFIXES: Final = ("AUTH_", "BETTER_AUTH_", "DATABASE_", "OIDC_")

# Variables that Better Auth, its starter kits and common database tools read.
FOREIGN: Final = frozenset(
    {
        *("AUTH_SECRET", "AUTH_URL", "AUTH_TRUST_HOST"),
        *("BETTER_AUTH_API_KEY", "BETTER_AUTH_API_URL", "BETTER_AUTH_TRUSTED_ORIGINS"),
        *("BETTER_AUTH_TELEMETRY", "BETTER_AUTH_TELEMETRY_DEBUG", "BETTER_AUTH_TELEMETRY_ENDPOINT"),
        *("DATABASE_HOST", "DATABASE_NAME", "DATABASE_PASSWORD", "DATABASE_PORT", "DATABASE_USER"),
    }
)

# The similarity, from 0 to 1, from which `difflib` counts a name as a misspelling of another.
_CUTOFF: Final = 0.85
# Other programs may use names without a prefix of this project. So such names must be long and more
# similar, and cause only a warning.
_CUTOFF_WITHOUT_PREFIX: Final = 0.9
_MIN_LENGTH_WITHOUT_PREFIX: Final = 8


def misspellings(names: Collection[str], known: Collection[str]) -> Iterator[Complaint]:
    """Complain about each name that is probably a misspelled setting.

    A name is accepted if the similar setting is set too: then another program uses the name.

    Args:
        names: The names of the environment variables, in any case.
        known: The names of the settings, in upper case.
    """
    names = {name.upper() for name in names}
    for name in sorted(names - FOREIGN - {*known}):
        if name.startswith(PREFIXES):
            cutoff = _CUTOFF
        elif len(name) >= _MIN_LENGTH_WITHOUT_PREFIX:
            cutoff = _CUTOFF_WITHOUT_PREFIX
        else:
            continue
        for meant in get_close_matches(name, known, n=1, cutoff=cutoff):
            if meant not in names:
                yield Complaint(
                    name,
                    f"unknown variable, similar to {meant}",
                    f"Rename it to {meant}, or unset it.",
                    meant=meant,
                    is_warning=not name.startswith(PREFIXES),
                )
