"""Reads the raw values of settings: from environment variables, or from files."""

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from backend.settings.complaints import Complaint
from backend.settings.oddities import unusable_host

# Settings that hold secrets. Each may be in a file that the variable with `_FILE` names.
IN_FILES: Final = (
    *("better_auth_secret", "better_auth_secrets", "database_url", "auth_trusted_issuers"),
)

_MAX_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Sources:
    """The raw values of settings, and their sources.

    Attributes:
        values: The raw values that are set, by setting.
        variables: For each setting in a file, the variable that names the file.
        complaints: The problems with the files, and a warning about a host that is left out.
    """

    values: Mapping[str, Any]
    variables: Mapping[str, str]
    complaints: tuple[Complaint, ...]

    @property
    def unreadable(self) -> frozenset[str]:
        """The settings whose file cannot be read."""
        return frozenset(self.variables) - frozenset(self.values)

    def variable(self, setting: str) -> str:
        """Return the variable that sets a setting, itself or by the name of a file."""
        return self.variables.get(setting, setting.upper())

    def complaint(self, setting: str, problem: str, *, expected: str) -> Complaint:
        """Complain about the value of a setting, or about the file that has the value.

        Args:
            setting: The name of the setting.
            problem: The problem with the value: a phrase without a full stop.
            expected: A description of valid values.
        """
        name = setting.upper()
        if setting in self.variables:
            remedy = f"Write to the file {expected}."
            return Complaint(self.variables[setting], problem, remedy, meant=name)
        return Complaint(name, problem, f"Set it to {expected}.")


def variables_of(settings: Collection[str]) -> list[str]:
    """Return the names of the variables that set the settings, in upper case."""
    files = [f"{setting}_file" for setting in IN_FILES if setting in settings]
    return [name.upper() for name in (*settings, *files)]


def read_sources(
    values: Mapping[str, Any], overrides: Mapping[str, Any], *, fields: Collection[str]
) -> Sources:
    """Add the values of files to the values of environment variables.

    Args:
        values: The values of environment variables, by setting.
        overrides: The values that replace those of the environment.
        fields: The settings to read.
    """
    in_files: dict[str, str] = {}
    variables: dict[str, str] = {}
    complaints: list[Complaint] = []
    for setting, path in _paths(fields):
        name, variable = setting.upper(), f"{setting.upper()}_FILE"
        if setting in values:
            problem, remedy = f"{name} is set too", "Unset either variable."
            complaints.append(Complaint(variable, problem, remedy, meant=name))
            continue
        variables[setting] = variable
        try:
            in_files[setting] = _read(path)
        except ValueError as error:
            remedy = f"Set it to the path of a file that has the value of {name}."
            complaints.append(Complaint(variable, str(error), remedy, meant=name))
    raw = {**values, **in_files}
    if "host" in values and "host" not in overrides and (warning := unusable_host(raw["host"])):
        del raw["host"]
        complaints.append(warning)
    return Sources({**raw, **overrides}, variables, tuple(complaints))


def names_any(settings: frozenset[str]) -> bool:
    """Return whether the environment sets any of the settings, itself or in a file."""
    names = {name.lower() for name, value in os.environ.items() if value}
    return any(setting in names or f"{setting}_file" in names for setting in settings)


def _paths(fields: Collection[str]) -> Iterator[tuple[str, str]]:
    paths = {name.lower(): value for name, value in os.environ.items() if value}
    for setting in IN_FILES:
        if setting in fields and (path := paths.get(f"{setting}_file")):
            yield setting, path


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        text = content.decode().rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("the file is not text in UTF-8") from None
    if len(content) > _MAX_BYTES:
        raise ValueError(f"the file has more than {_MAX_BYTES} bytes")
    if not text:
        raise ValueError("the file is empty")
    return text
