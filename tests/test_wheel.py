"""The contents of the wheel and the image, and their commands in an empty folder.

Both are built by the steps of the Dockerfile.
"""

import json
import shutil
import signal
import subprocess
import zipfile
from pathlib import Path

import pytest

from backend import __version__
from tests.alone.environments import (
    APP,
    ROOT,
    environment_with,
    link_requirements,
    make_environment,
    run,
)
from tests.deploy.dockerfile import Stage, build
from tests.deploy.files import DEPLOY
from tests.e2e.processes import free_port, wait_for
from tests.settings.environment import SECRET


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    """The stages of the image, built from this checkout without a network."""
    return build(DEPLOY / "Dockerfile", tmp_path_factory.mktemp("stages"))


@pytest.fixture(scope="module")
def wheel(stages: dict[str, Stage]) -> Path:
    """The wheel of this checkout."""
    (built,) = stages["build"].path("/dist").iterdir()
    return built


@pytest.fixture(scope="module")
def bin_folder(stages: dict[str, Stage]) -> Path:
    """The commands of a new environment with the wheel and the dependencies of this environment."""
    return stages["build"].path("/opt/todo-api/bin")


@pytest.fixture(scope="module")
def image(stages: dict[str, Stage]) -> Stage:
    """The last stage of the image."""
    return stages["image"]


@pytest.fixture(scope="module")
def bare_bin_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a new environment with the wheel and its requirements, without extras."""
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


def container(image: Stage, *command: str) -> list[str]:
    """Return the command of a container: its own command, or the default command of the image."""
    program, *options = image.exec_forms["ENTRYPOINT"]
    script = image.path("/opt/todo-api/bin") / program
    # Here, the script names the Python of the stage that has installed it.
    python = image.path("/opt/todo-api/bin/python")
    return [str(python), str(script), *options, *(command or image.exec_forms["CMD"])]


def test_the_image_migrates_serves_reports_its_health_and_stops(
    image: Stage, tmp_path: Path
) -> None:
    volume = {"DATABASE_URL": f"sqlite:///{tmp_path}/todos.db", "BETTER_AUTH_SECRET": SECRET}
    variables = {**image.variables, **volume, "HOST": "127.0.0.1", "PORT": str(free_port())}
    environment = environment_with(variables)

    def execute(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert execute(*container(image, "migrate")).returncode == 0
    assert (tmp_path / "todos.db").is_file()
    assert "FAIL" not in execute(*container(image, "doctor")).stdout
    python, *check = image.exec_forms["HEALTHCHECK"]
    health_check = [str(image.path("/opt/todo-api/bin") / python), *check]

    def is_healthy() -> bool | None:
        return execute(*health_check).returncode == 0 or None

    assert not is_healthy()
    with subprocess.Popen(
        container(image),
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert wait_for(is_healthy, within=30)
        finally:
            server.terminate()
            _, log = server.communicate(timeout=20)
    assert server.returncode in {-signal.SIGTERM, 128 + signal.SIGTERM}
    assert all(json.loads(line) for line in log.splitlines())


def test_the_image_has_the_environment_and_nothing_of_the_build(image: Stage) -> None:
    assert [path.name for path in image.root.iterdir()] == ["opt"]
    assert [path.name for path in image.path("/opt").iterdir()] == ["todo-api"]
    assert not list(image.path("/opt/todo-api/bin").glob("pip*"))


def test_every_module_of_the_image_is_compiled(image: Stage) -> None:
    (backend,) = image.path("/opt/todo-api/lib").glob("python3*/site-packages/backend")
    sources = list(backend.rglob("*.py"))
    compiled = list(backend.rglob("*.pyc"))
    assert {path.stem for path in sources} == {path.name.partition(".")[0] for path in compiled}
    assert len(compiled) == len(sources) > 0


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
