"""The wheel: what is in it, and its commands in an environment and a folder of their own."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import Final

import httpx2
import pytest

from backend import __version__
from tests.settings.environment import SECRET

ROOT: Final = Path(__file__).parents[1]


def run(
    *command: str | Path, folder: Path, exit_status: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with nothing of the checkout on its path."""
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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(folder)]
    run(sys.executable, "-m", "pip", "wheel", str(ROOT), *options, folder=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bin_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a new environment with the wheel, and with the dependencies of this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "env", symlinks=True)
    scripts = folder / "env" / "bin"
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    where = 'import sysconfig; print(sysconfig.get_path("purelib"))'
    site = run(scripts / "python", "-c", where, folder=folder).stdout.strip()
    (Path(site) / "dependencies.pth").write_text("\n".join(paths))
    options = ["--no-index", "--no-deps", "--quiet"]
    run(scripts / "python", "-m", "pip", "install", *options, str(wheel), folder=folder)
    return scripts


def test_a_wheel_holds_the_backend_and_nothing_else(wheel: Path) -> None:
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "backend").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (described,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        description = archive.read(described).decode()
    notes = {name for name in names if ".dist-info/" in name}
    assert names - notes == sources
    assert "backend/py.typed" in sources
    assert any("/migrations/versions/" in name for name in sources)
    assert any(name.endswith("/licenses/LICENSE") for name in notes)
    assert f"\nVersion: {__version__}\n" in description
    assert "\nLicense-Expression: MIT\n" in description


def test_the_command_and_the_module_print_their_version(bin_folder: Path, tmp_path: Path) -> None:
    for command in ([bin_folder / "todo-api"], [bin_folder / "python", "-m", "backend"]):
        assert run(*command, "--version", folder=tmp_path).stdout == f"todo-api {__version__}\n"


def test_the_installed_backend_is_not_the_checkout(bin_folder: Path, tmp_path: Path) -> None:
    where = "import backend; print(backend.__file__)"
    found = run(bin_folder / "python", "-c", where, folder=tmp_path).stdout
    assert Path(found).is_relative_to(bin_folder.parent)


def test_an_installed_server_migrates_serves_and_stops(bin_folder: Path, tmp_path: Path) -> None:
    command = bin_folder / "todo-api"
    run(command, "migrate", folder=tmp_path)
    assert (tmp_path / "todos.db").is_file()
    checked = run(command, "doctor", folder=tmp_path, BETTER_AUTH_SECRET=SECRET)
    assert "FAIL" not in checked.stdout
    with subprocess.Popen(
        [command, "serve"],
        cwd=tmp_path,
        env=environment_with({"BETTER_AUTH_SECRET": SECRET, "PORT": "0"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            started = (re.search(r"running on (http://\S+)", line) for line in server.stdout)
            url = next(match[1] for match in started if match)
            assert httpx2.get(f"{url}/health/live", trust_env=False).status_code == 200
        finally:
            server.terminate()
            server.communicate(timeout=20)
    assert server.returncode in {-signal.SIGTERM, 128 + signal.SIGTERM}


def test_messages_name_the_command_that_was_installed(bin_folder: Path, tmp_path: Path) -> None:
    command = bin_folder / "todo-api"
    refused = run(command, "serve", folder=tmp_path, exit_status=78, BETTER_AUTH_SECRET=SECRET)
    assert "`todo-api migrate`" in refused.stderr
    refused = run(command, "token", folder=tmp_path, exit_status=78)
    assert "`todo-api dev`" in refused.stderr
