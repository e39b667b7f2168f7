"""The servers that tests share, those of their own, and what servers said when a test fails."""

import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from uuid import uuid4

import jwt
import pytest

from tests.e2e.backend import UNMEASURED, Backend, bearer
from tests.e2e.better_auth import Issuer, User
from tests.e2e.databases import Database
from tests.e2e.processes import ROOT, environment
from tests.e2e.servers import Servers


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with a schema, which several servers may open."""
    url = f"sqlite:///{tmp_path_factory.mktemp('database') / 'todos.db'}"
    done = subprocess.run(
        [sys.executable, "-m", "backend", "migrate"],
        cwd=ROOT,
        env=environment({"DATABASE_URL": url}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return url


@pytest.fixture(scope="session")
def shared_servers(
    tmp_path_factory: pytest.TempPathFactory, database_url: str
) -> Iterator[Servers]:
    """Where the shared servers come from."""
    with Servers(tmp_path_factory.mktemp("servers"), DATABASE_URL=database_url) as servers:
        yield servers


@pytest.fixture
def servers(tmp_path: Path, database_url: str) -> Iterator[Servers]:
    """Servers that live as long as the test."""
    with Servers(tmp_path, DATABASE_URL=database_url, **UNMEASURED) as servers:
        yield servers


@pytest.fixture(scope="session")
def secret() -> str:
    """What the shared issuer signs its cookies and mailed links with."""
    return "known to these end-to-end tests alone"


@pytest.fixture
def owner(secret: str) -> dict[str, str]:
    """Somebody new, to servers that know the secret: the header that names them."""
    claims = {"sub": f"user-{uuid4()}", "exp": int(time.time()) + 600}
    return bearer(jwt.encode(claims, secret, algorithm="HS256"))


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A new database of each kind."""
    if request.param == "sqlite":
        return Database.on_file(tmp_path)
    return Database.on_server(request.getfixturevalue("postgres_server"))


@pytest.fixture(scope="session")
def issuer(shared_servers: Servers, secret: str) -> Issuer:
    """A Better Auth server as its users run it: every default."""
    return shared_servers.issuer(BETTER_AUTH_SECRET=secret, PRINT_MAIL="on")


@pytest.fixture(scope="session")
def other_issuer(shared_servers: Servers) -> Issuer:
    """A Better Auth server that our server does not trust."""
    return shared_servers.issuer()


@pytest.fixture(scope="session")
def user(issuer: Issuer) -> User:
    """Somebody whom the shared issuer knows."""
    return issuer.sign_up()


@pytest.fixture(scope="session")
def backend(shared_servers: Servers, issuer: Issuer) -> Backend:
    """Our server, told of its issuer and of nothing else."""
    return shared_servers.backend(BETTER_AUTH_URL=issuer.url)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put what the servers wrote meanwhile into the report of a test that fails."""
    report = yield
    for servers in getattr(item, "funcargs", {}).values():
        for process in servers.started if isinstance(servers, Servers) else ():
            if report.failed and (news := process.news()):
                report.sections.append((f"Output of {process.name}", news))
            elif report.when == "teardown":
                process.news()  # of no interest to the tests that follow
    return report
