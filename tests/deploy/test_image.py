"""The Dockerfiles and the build context. `tests/test_wheel.py` performs the steps."""

import re
import sys
from pathlib import Path
from typing import Final

from backend.settings import Settings
from tests.alone.environments import run
from tests.deploy.dockerfile import instructions_of, read
from tests.deploy.files import DEPLOY
from tests.documents import ROOT

DOCKERFILE: Final = DEPLOY / "Dockerfile"


def test_the_server_runs_as_a_numeric_user_who_is_not_root() -> None:
    (user,) = read(DOCKERFILE).instructions["USER"]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)


def test_signals_reach_the_server_because_no_shell_starts_it() -> None:
    image = read(DOCKERFILE)
    assert set(image.exec_forms) == {"CMD", "ENTRYPOINT", "HEALTHCHECK"}
    assert image.exec_forms["ENTRYPOINT"] + image.exec_forms["CMD"] == ["todo-api", "serve"]


def test_the_image_exposes_the_port_that_the_server_listens_on() -> None:
    image = read(DOCKERFILE)
    assert image.instructions["EXPOSE"] == [image.variables["PORT"]]
    assert image.variables["HOST"] == "0.0.0.0"  # noqa: S104 - a container must listen on every address
    assert str(Settings.model_fields["port"].default) == image.variables["PORT"]


def test_the_python_of_the_image_is_named_once_with_its_minor_version() -> None:
    instructions = instructions_of(DOCKERFILE)
    assert [text.split()[0] for name, text in instructions if name == "FROM"] == [
        *("${PYTHON_IMAGE}", "${PYTHON_IMAGE}"),
    ]
    assert ("ARG", "PYTHON_IMAGE=python:3.13-slim-bookworm") in instructions
    assert any("/python3.13" in text for name, text in instructions if name == "RUN")


def test_every_downloaded_package_has_a_hash() -> None:
    steps = [text for name, text in instructions_of(DOCKERFILE) if name == "RUN"]
    commands = [command for step in steps for command in step.split("&&") if "pip" in command]
    installs = [command for command in commands if " install " in command]
    assert installs
    for command in installs:
        offline = "--no-index" in command
        assert offline or {"--require-hashes", "--no-deps"} <= set(command.split()), command
    assert all("--no-index" in command for command in commands if " wheel " in command)


def test_hadolint_accepts_the_dockerfiles() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    run(hadolint, DOCKERFILE, DEPLOY / "issuer.Dockerfile", folder=ROOT)


def test_the_build_context_has_what_the_dockerfiles_copy_and_nothing_secret() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    copied = {
        word.split("/")[0]
        for path in (DOCKERFILE, DEPLOY / "issuer.Dockerfile")
        for name, text in instructions_of(path)
        if name == "COPY" and not text.startswith("--from")
        for word in text.split()[:-1]
    }
    assert copied == allowed
    assert {"**/.env*", "**/node_modules", "**/__pycache__", "**/*.db"} <= set(lines)
