"""Exports the variables of a `.env` file, so that worker processes see them too."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dotenv.parser import Original, parse_stream

from backend.settings.complaints import Complaint
from backend.settings.sources import IN_FILES

_SET: Final = "Set it to the path of a file with lines like NAME=value."
_COUNTERPARTS: Final = {
    name: other
    for setting in map(str.upper, IN_FILES)
    for name, other in ((setting, f"{setting}_FILE"), (f"{setting}_FILE", setting))
}


def export_env_file(path: Path, variable: str) -> list[Complaint]:
    """Export the variables of a file, except those that the environment has.

    Values are used as they are: `${NAME}` has no special meaning.

    Args:
        path: The path of the file. Complaints do not show it.
        variable: The name that complaints give to the file.

    Returns:
        The problems with the file. If there is any, no variable is exported.
    """
    variables, complaints = _read(path, variable)
    if not complaints:
        values = {name: value for name, (value, _) in variables.items()}
        os.environ |= dict(_new_variables(values))
    return complaints


def lines_of_env_file(path: Path) -> dict[str, int]:
    """Return the number of the line that sets each variable, by the name in upper case.

    Variables that the environment sets already are left out: the file does not set them.
    """
    variables, _ = _read(path, "")
    values = {name: value for name, (value, _) in variables.items()}
    return {name.upper(): variables[name][1] for name, _ in _new_variables(values)}


def _read(path: Path, variable: str) -> tuple[dict[str, tuple[str, int]], list[Complaint]]:
    """Return the value and the line of each variable, and the problems with the file."""
    variables: dict[str, tuple[str, int]] = {}
    complaints: list[Complaint] = []
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line in parse_stream(file):
                if line.error or "\0" in line.original.string:
                    problem = f"line {line.original.line} is not of the form NAME=value"
                    remedy = "Correct the line. A comment begins with #."
                    complaints.append(Complaint(variable, problem, remedy))
                elif line.key is not None and line.value is not None:
                    variables[line.key] = line.value, _line_number(line.original)
    except OSError as error:
        complaints.append(Complaint(variable, f"the file cannot be read: {error.strerror}", _SET))
    except UnicodeDecodeError:
        complaints.append(Complaint(variable, "the file is not text in UTF-8", _SET))
    return variables, complaints


def _line_number(original: Original) -> int:
    """Return the line with the name, because the parser also counts empty lines before the name."""
    text = original.string
    return original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _new_variables(values: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Return the variables that the environment does not set, neither directly nor in a file."""
    taken = {name.upper() for name in os.environ}
    for name, value in values.items():
        if taken.isdisjoint({name.upper(), _COUNTERPARTS.get(name.upper(), name.upper())}):
            yield name, value
