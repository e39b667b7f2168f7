"""Fixtures for servers and users, and the output of the servers in reports of failed tests."""

import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from uuid import uuid4

import jwt
import pytest

from tests.e2e.backend import NO_COVERAGE, Backend, bearer
from tests.e2e.better_auth import Issuer, User
from tests.e2e.databases import Database
from tests.e2e.processes import ROOT, environment
from tests.e2e.servers import Servers


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated database that several servers may open."""
    url = f"sqlite:///{tmp_path_factory.mktemp('database') / 'todos.db'}"
    process = subprocess.run(
        [sys.executable, "-m", "backend", "migrate"],
        cwd=ROOT,
        env=environment({"DATABASE_URL": url, **NO_COVERAGE}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, process.stdout
    return url


@pytest.fixture(scope="session")
def shared_servers(
    tmp_path_factory: pytest.TempPathFactory, database_url: str
) -> Iterator[Servers]:
    """Servers that live until the end of the test run."""
    with Servers(tmp_path_factory.mktemp("servers"), DATABASE_URL=database_url) as servers:
        yield servers


@pytest.fixture
def servers(tmp_path: Path, database_url: str) -> Iterator[Servers]:
    """Servers that live until the end of the test."""
    with Servers(tmp_path, DATABASE_URL=database_url, **NO_COVERAGE) as servers:
        yield servers


@pytest.fixture(scope="session")
def secret() -> str:
    """The `BETTER_AUTH_SECRET` of the shared issuer."""
    return "known to these end-to-end tests alone"


@pytest.fixture
def auth_headers(secret: str) -> dict[str, str]:
    """Headers that authenticate a new user at every server that has the secret."""
    claims = {"sub": f"user-{uuid4()}", "exp": int(time.time()) + 600}
    return bearer(jwt.encode(claims, secret, algorithm="HS256"))


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A new database of each kind."""
    if request.param == "sqlite":
        return Database.create_sqlite(tmp_path)
    return Database.create_postgres(request.getfixturevalue("postgres_server"))


@pytest.fixture(scope="session")
def issuer(shared_servers: Servers, secret: str) -> Issuer:
    """A Better Auth server with its default settings."""
    return shared_servers.issuer(BETTER_AUTH_SECRET=secret, PRINT_MAIL="on")


@pytest.fixture(scope="session")
def other_issuer(shared_servers: Servers) -> Issuer:
    """A Better Auth server that the backend does not trust."""
    return shared_servers.issuer()


@pytest.fixture(scope="session")
def user(issuer: Issuer) -> User:
    """A user of the shared issuer."""
    return issuer.sign_up()


@pytest.fixture(scope="session")
def backend(shared_servers: Servers, issuer: Issuer) -> Backend:
    """A backend that is configured with the URL of the shared issuer only."""
    return shared_servers.backend(BETTER_AUTH_URL=issuer.url)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the new output of the servers to the report of a failed test."""
    report = yield
    for fixture in getattr(item, "funcargs", {}).values():
        for process in fixture.processes if isinstance(fixture, Servers) else ():
            if report.failed and (output := process.new_output()):
                report.sections.append((f"Output of {process.name}", output))
            elif report.when == "teardown":
                process.new_output()  # skip it, so that later reports do not show it
    return report
