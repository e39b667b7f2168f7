"""The ways to run this program: as the installed script, or as a module of Python."""

import sys
from pathlib import Path
from typing import Final

SCRIPT: Final = "todo-api"


def is_script() -> bool:
    """Return whether the installed script runs. Shells complete the options of scripts only."""
    return Path(sys.argv[0]).stem == SCRIPT
