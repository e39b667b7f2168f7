"""Validates the values of settings. Defaults take the place of invalid values."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from backend.settings.complaints import Complaint
from backend.settings.consistency import inconsistencies
from backend.settings.oddities import odd_secrets
from backend.settings.sources import Sources

S = TypeVar("S", bound=BaseSettings)


def validated(settings_class: type[S], sources: Sources) -> tuple[S, list[Complaint]]:
    """Make settings of values, and check the values: each alone, and all together.

    Args:
        settings_class: The class of the settings.
        sources: The values, and the complaints about where they come from.

    Returns:
        The settings, and every complaint, including warnings.
    """
    raw = sources.values
    complaints = [
        *sources.complaints,
        *inconsistencies({**dict.fromkeys(sources.unreadable, "unreadable"), **raw}),
        *odd_secrets(raw, sources.variables),
    ]
    try:
        return settings_class(**raw), complaints
    except ValidationError as error:
        invalid = {problem["loc"][0] for problem in error.errors()}
        valid = {name: value for name, value in raw.items() if name not in invalid}
        problems = [_complaint(settings_class, problem, sources) for problem in error.errors()]
        return settings_class(**valid), [*problems, *complaints]


def _complaint(
    settings_class: type[BaseSettings], error: Mapping[str, Any], sources: Sources
) -> Complaint:
    name = str(error["loc"][0])
    problem = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    expected = str(settings_class.model_fields[name].description)
    return sources.complaint(name, problem, expected=expected)
