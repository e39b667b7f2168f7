"""The requirements of packages, from the metadata of the installed packages."""

from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def applies(requirement: Requirement, environment: dict[str, str], extras: Iterable[str]) -> bool:
    """Return whether a requirement holds for a package that is installed with these extras."""
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras)
    )


def closure_of(
    requirements: list[Requirement], environment: dict[str, str]
) -> dict[str, list[Requirement]]:
    """Return all that the requirements lead to: each package with all that is required of it."""
    found: dict[str, list[Requirement]] = {}
    waiting = [requirement for requirement in requirements if applies(requirement, environment, ())]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        known = found.setdefault(name, [])
        if requirement in known:
            continue
        known.append(requirement)
        waiting += [
            dependency
            for dependency in requirements_of(name)
            if applies(dependency, environment, requirement.extras)
        ]
    return found


def requirements_of(name: str) -> list[Requirement]:
    """Return the requirements of a package; none if it is not installed, as on other systems."""
    try:
        texts = metadata.requires(name)
    except metadata.PackageNotFoundError:
        return []
    return [Requirement(text) for text in texts or ()]
