"""Environments with the packages that authentication needs, and no others."""

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.markers import default_environment
from packaging.requirements import Requirement

from tests.requirements import closure_of

ROOT: Final = Path(__file__).parents[2]
APP: Final = Path(__file__).with_name("protected_app.py")


def run(
    *command: str | Path, folder: Path, exit_status: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, without the checkout on its path."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment_with(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == exit_status, done.stdout + done.stderr
    return done


def environment_with(added: dict[str, str]) -> dict[str, str]:
    """Return the environment of this process without coverage and the checkout."""
    removed = ("COV", "PYTHON", "PIP_")
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(removed)}
    return {**inherited, **added}


def make_environment(folder: Path, *packages: Path) -> Path:
    """Create a virtual environment.

    Args:
        folder: The folder of the environment.
        packages: Folders with further packages.

    Returns:
        The folder of its commands.
    """
    venv.create(folder, symlinks=True)
    commands = folder / "bin"
    where = 'import sysconfig; print(sysconfig.get_path("purelib"))'
    site = run(commands / "python", "-c", where, folder=folder).stdout.strip()
    (Path(site) / "packages.pth").write_text("\n".join(map(str, packages)))
    return commands


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout in an empty folder, without a network."""
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(folder)]
    run(sys.executable, "-m", "pip", "wheel", str(ROOT), *options, folder=folder)
    (built,) = folder.glob("*.whl")
    return built


def link_requirements(folder: Path, *more: str) -> Path:
    """Fill a folder with links to the packages that the wheel requires without extras.

    Args:
        folder: A new folder.
        more: The names of more packages, which are linked with their requirements.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = {name: str(value) for name, value in default_environment().items()}
    required = closure_of(
        [Requirement(text) for text in (*project["dependencies"], *more)], environment
    )
    folder.mkdir()
    for name in required:
        distribution = metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}:
            if top != "__pycache__" and not (folder / top).exists():
                (folder / top).symlink_to(Path(str(distribution.locate_file(top))))
    return folder


def installed_packages() -> list[Path]:
    """Return the folders with every package of this environment."""
    return [Path(path) for path in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}]
