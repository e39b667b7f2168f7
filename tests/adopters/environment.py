"""A virtual environment as an adopter has it: the wheel without extras, and uvicorn."""

import sys
import sysconfig
import venv
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from tests.alone.environments import ROOT, run

WHEEL: Final = "secured-todo-api"


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout, without a network."""
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(folder)]
    run(sys.executable, "-m", "pip", "wheel", str(ROOT), *options, folder=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def create_environment(folder: Path, wheel: Path, *packages: str) -> Path:
    """Create a virtual environment with a wheel, what the wheel requires, and more packages.

    Nothing is downloaded. The packages that the wheel requires are links to those of the current
    environment, in the versions that are installed there. Its other packages cannot be imported.

    Args:
        folder: A new folder.
        wheel: The wheel.
        packages: The names of more packages.

    Returns:
        The Python interpreter of the new environment.
    """
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    options = ["install", "--no-index", "--no-deps", "--quiet", str(wheel)]
    run(sys.executable, "-m", "pip", "--python", str(python), *options, folder=folder)
    site = Path(sysconfig.get_path("purelib", scheme="venv", vars={"base": str(folder)}))
    (installed,) = Distribution.discover(name=WHEEL, path=[str(site)])
    for package in _closure([*_requirements(installed), *packages]):
        _link(distribution(package), site)
    run(sys.executable, "-m", "pip", "--python", str(python), "check", folder=folder)
    return python


def _closure(packages: Iterable[str]) -> set[str]:
    """Return the names of packages, and of everything that they require."""
    found: set[str] = set()
    missing = list(packages)
    while missing:
        name = missing.pop()
        if name not in found:
            found.add(name)
            missing += _requirements(distribution(name))
    return found


def _requirements(package: Distribution) -> Iterator[str]:
    """Find the names of the packages that a package requires without its extras."""
    for line in package.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name


def _link(package: Distribution, site: Path) -> None:
    """Link the files and folders of an installed package into the packages of an environment."""
    for name in {file.parts[0] for file in package.files or ()}:
        source, target = Path(str(package.locate_file(name))), site / name
        if name not in {"..", "__pycache__"} and not target.exists():
            target.symlink_to(source)
