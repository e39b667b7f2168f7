"""The wheel: what is in it, and its commands in an environment and a folder of their own."""

import re
import shutil
import signal
import subprocess
import zipfile
from pathlib import Path

import httpx2
import pytest

from backend import __version__
from tests.alone.environments import (
    APP,
    ROOT,
    build_wheel,
    environment_with,
    installed_packages,
    link_requirements,
    make_environment,
    run,
)
from tests.settings.environment import SECRET


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def bin_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a new environment with the wheel, and with the dependencies of this one."""
    folder = tmp_path_factory.mktemp("installed")
    scripts = make_environment(folder / "env", *installed_packages())
    options = ["--no-index", "--no-deps", "--quiet"]
    run(scripts / "python", "-m", "pip", "install", *options, str(wheel), folder=folder)
    return scripts


@pytest.fixture(scope="module")
def bare_bin_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a new environment with the wheel, and with what it needs without extras."""
    folder = tmp_path_factory.mktemp("bare")
    packages = link_requirements(folder / "packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    return make_environment(folder / "env", packages)


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


def test_the_wheel_without_extras_protects_an_app(bare_bin_folder: Path, tmp_path: Path) -> None:
    shutil.copy(APP, tmp_path / "app.py")
    python = bare_bin_folder / "python"
    assert run(python, "-W", "error", "app.py", folder=tmp_path).stdout == "protected\n"


def test_the_wheel_without_extras_says_what_the_command_line_needs(
    bare_bin_folder: Path, tmp_path: Path
) -> None:
    command_of_the_wheel = "from backend.__main__ import main; main()"
    for arguments in (["-c", command_of_the_wheel], ["-m", "backend"]):
        refused = run(bare_bin_folder / "python", *arguments, folder=tmp_path, exit_status=1)
        assert refused.stderr == (
            "The command line needs packages that are not installed, such as typer.\n"
            "Install them: python -m pip install 'secured-todo-api[server]'\n"
        )
