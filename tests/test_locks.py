"""The locks: complete and hashed, so that pip resolves nothing and no later release breaks them.

`make` installs a lock with `--no-deps`. These tests follow the requirements of the installed
packages, for each Python and operating system that the project supports, and compare them with the
lock.
"""

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.requirements import applies, closure_of

ROOT: Final = Path(__file__).parents[1]
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())

# The dependency groups of each lock.
GROUPS: Final = {
    "run": [],
    "tracing": [],
    "mcp": [],
    "dev": ["dev"],
    "bench": ["dev", "bench"],
    "build": ["build"],
    "clients": ["clients"],
    "compat": ["compat"],
    "oldest": ["oldest"],
    "audit": ["audit"],
    "lock": ["lock"],
}

# The locks that do not hold the dependencies of the project.
TOOLS: Final = {"audit", "build", "clients", "compat", "lock"}
ALL_EXTRAS: Final = ["mcp", "server", "testing", "tracing", "uploads"]
EXTRAS: Final = {
    "run": ["server"],
    "tracing": ["server", "tracing"],
    "mcp": ["mcp", "server", "tracing"],
    "dev": ALL_EXTRAS,
    "bench": ALL_EXTRAS,
}

# The locks whose packages are installed where the tests run.
INSTALLED: Final = ["run", "tracing", "mcp", "dev"]

# The folders with a lock of npm. Those of tests/compat have one for each release of Better Auth.
NPM_FOLDERS: Final = [
    *("demo", "tests/browser", "tests/clients"),
    *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/compat/[0-9]*")),
]

PYTHONS: Final = ["3.11", "3.12", "3.13", "3.14"]
SYSTEMS: Final = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "darwin": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "win32": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}

ENTRY: Final = re.compile(r"(?P<requirement>[^\s].*?)(?: +--hash=sha256:[0-9a-f]{64})+")
PIN: Final = re.compile(r"==[0-9][0-9A-Za-z.!+]*")


def lines_of(name: str) -> list[str]:
    """Return the lines of a lock: continued lines are joined, comments are left out."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", "")
    return [line.strip() for line in text.splitlines() if not line.lstrip().startswith("#")]


def entries_of(name: str) -> dict[str, Requirement]:
    """Return the entries of a lock by the canonical names of their packages."""
    found = [ENTRY.fullmatch(line) for line in lines_of(name)]
    entries = [Requirement(match["requirement"]) for match in found if match]
    return {canonicalize_name(entry.name): entry for entry in entries}


def direct_requirements(name: str) -> list[Requirement]:
    """Return the requirements of pyproject.toml that belong to a lock."""
    texts = [] if name in TOOLS else [*PROJECT["project"]["dependencies"]]
    for extra in EXTRAS.get(name, []):
        texts += PROJECT["project"]["optional-dependencies"][extra]
    for group in GROUPS[name]:
        texts += PROJECT["dependency-groups"][group]
    return [Requirement(text) for text in texts]


def environment_of(python: str, system: str) -> dict[str, str]:
    """Return the values that markers have on a Python and an operating system."""
    versions = {"python_version": python, "python_full_version": f"{python}.0"}
    base = {name: str(value) for name, value in default_environment().items()}
    return {**base, **versions, **SYSTEMS[system]}


def test_a_lock_of_a_developer_has_every_extra() -> None:
    assert set(PROJECT["project"]["optional-dependencies"]) == {*ALL_EXTRAS}


def test_the_oldest_packages_are_the_lower_bounds_of_the_project() -> None:
    entries = entries_of("oldest")
    for text in PROJECT["project"]["dependencies"]:
        requirement = Requirement(text)
        (bound,) = requirement.specifier
        assert bound.operator == ">="
        entry = entries[canonicalize_name(requirement.name)]
        remedy = "delete requirements/oldest.txt, and run `make lock`"
        assert satisfies(entry, Requirement(f"{entry.name}=={bound.version}.*")), remedy


@pytest.mark.parametrize("name", GROUPS)
def test_every_entry_is_pinned_and_hashed(name: str) -> None:
    lines = lines_of(name)
    assert [line for line in lines if not ENTRY.fullmatch(line)] == []
    entries = entries_of(name)
    assert len(entries) == len(lines) > 0
    assert [
        str(entry) for entry in entries.values() if not PIN.fullmatch(str(entry.specifier))
    ] == []


@pytest.mark.parametrize("name", GROUPS)
def test_no_lock_names_an_index_or_another_address(name: str) -> None:
    assert "://" not in (ROOT / "requirements" / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", GROUPS)
def test_every_dependency_of_the_project_is_in_its_lock(name: str) -> None:
    entries = entries_of(name)
    for requirement in direct_requirements(name):
        entry = entries[canonicalize_name(requirement.name)]
        assert requirement.extras <= entry.extras, entry
        assert satisfies(entry, requirement), (entry, requirement)


@pytest.mark.parametrize("name", INSTALLED)
def test_the_installed_packages_are_those_of_the_lock(name: str) -> None:
    environment = {name: str(value) for name, value in default_environment().items()}
    for package, entry in entries_of(name).items():
        if applies(entry, environment, ()):
            assert entry.specifier.contains(metadata.version(package), prereleases=True), package


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", INSTALLED)
def test_a_lock_holds_what_its_packages_require_and_no_more(
    name: str, python: str, system: str
) -> None:
    environment = environment_of(python, system)
    locked = {
        package: entry
        for package, entry in entries_of(name).items()
        if applies(entry, environment, ())
    }
    required = closure_of(direct_requirements(name), environment)
    assert set(locked) == set(required)
    for package, requirements in required.items():
        entry = locked[package]
        missing = {
            extra for requirement in requirements for extra in requirement.extras
        } - entry.extras
        assert not missing, f"{entry} lacks {missing}"
        for requirement in requirements:
            assert satisfies(entry, requirement), (entry, requirement)


def test_the_benchmarks_run_on_the_versions_that_the_tests_run_on() -> None:
    tested, measured = entries_of("dev"), entries_of("bench")
    assert {name: str(entry.specifier) for name, entry in tested.items()} == {
        name: str(measured[name].specifier) for name in tested
    }


@pytest.mark.parametrize("folder", NPM_FOLDERS)
def test_the_lock_of_npm_has_a_hash_for_each_package_and_no_address(folder: str) -> None:
    text = (ROOT / folder / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    del packages[""]
    assert [name for name, package in packages.items() if "integrity" not in package] == []
    assert '"resolved"' not in text


def satisfies(entry: Requirement, requirement: Requirement) -> bool:
    """Return whether a requirement allows the pinned version."""
    return requirement.specifier.contains(str(entry.specifier)[2:], prereleases=True)
