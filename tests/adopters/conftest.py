"""Fixtures: an environment with the wheel alone, a key server, and servers of adopters' apps."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from backend.testing import Issuer
from tests.adopters.servers import COMMAND, AppServer
from tests.alone.environments import build_wheel, link_requirements, make_environment

ServeApp = Callable[..., AppServer]

# The packages that an adopter installs with the wheel: a server with WebSockets, and forms.
PACKAGES: Final = ("uvicorn", "websockets", "python-multipart")


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel without extras, and with uvicorn."""
    folder = tmp_path_factory.mktemp("adopter")
    packages = link_requirements(folder / "packages", *PACKAGES)
    with zipfile.ZipFile(build_wheel(tmp_path_factory.mktemp("wheel"))) as wheel:
        wheel.extractall(packages)
    return make_environment(folder / "environment", packages) / "python"


@pytest.fixture(scope="module")
def key_server() -> Iterator[Issuer]:
    """A Better Auth server that signs real tokens and publishes its keys."""
    with Issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def serve(
    python: Path, key_server: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServeApp]:
    """Return a function that starts uvicorn with the app of a module, such as `plain:app`."""
    with ExitStack() as stops:

        def start(app: str, *options: str, **variables: str) -> AppServer:
            server = AppServer(
                python,
                *COMMAND,
                *options,
                app,
                log=tmp_path_factory.mktemp("server") / "log",
                env=key_server.environment(**variables),
            )
            stops.callback(server.stop)
            return server

        yield start
