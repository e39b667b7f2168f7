"""Schemathesis sends requests that it derives from the OpenAPI document, as two users.

`make test` runs a short and deterministic form. With `--hypothesis-profile=fuzz`, as `make fuzz`
runs this module, requests are random, take minutes, and go to every kind of server.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import hypothesis
import pytest

from backend.testing.issuer import RESOURCE, Issuer
from backend.testing.session_cookies import compact_cookie, session_data
from tests.e2e.backend import NO_COVERAGE, Backend
from tests.e2e.databases import Database
from tests.e2e.processes import ROOT, environment
from tests.e2e.servers import Servers

IS_LONG: Final = hypothesis.settings.get_current_profile_name() == "fuzz"
LONG: Final = 600  # seconds for each kind of server
EXAMPLES: Final = 5  # for each operation, in the short form

# Every check of Schemathesis is on, and `no_foreign_data` of the hooks.
CONFIGURATION: Final = """
hooks = "tests.fuzz.hooks"

[generation]
database = "none"

[auth.wfc]
path = "users.json"
peers = ["ada", "bob"]

# A request that matches the document is served. The request may name a todo that does not
# exist, or a version that the todo does not have.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "404", "412"]

# The API compares versions before it looks at the rules of a todo, so a 412 can come first.
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "412", "413", "422"]
"""

# The kinds of servers, by name: their environment variables.
KINDS: Final = {
    "sqlite": {},
    "postgres": {},
    "scopes": {"AUTH_REQUIRE_SCOPES": "on"},
    "cookies": {"AUTH_COOKIE": "compact"},
}


@pytest.fixture(params=KINDS if IS_LONG else ["sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def backend(
    kind: str, issuer: Issuer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Backend]:
    if kind == "postgres":
        database = Database.create_postgres(request.getfixturevalue("postgres_server"))
    else:
        database = Database.create_sqlite(tmp_path)
    variables = {"DOCS": "on", "TODOS_MAX_PER_USER": "1000000", "DATABASE_URL": database.url}
    if kind == "scopes":
        variables |= {"AUTH_ISSUER": issuer.oauth_issuer, "AUTH_AUDIENCE": RESOURCE}
    with Servers(tmp_path, **NO_COVERAGE) as servers:
        yield servers.backend(**variables, **issuer.environment(**KINDS[kind]))


def test_every_answer_is_as_documented_and_no_user_sees_data_of_the_other(
    backend: Backend, kind: str, issuer: Issuer, tmp_path: Path
) -> None:
    credentials = {user: credentials_of(user, kind, issuer) for user in ("ada", "bob")}
    result = run_schemathesis(backend.url, credentials, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Traceback" not in backend.output


def credentials_of(user: str, kind: str, issuer: Issuer) -> dict[str, str]:
    """Return the headers that authenticate a user for the whole run."""
    now = int(time.time())
    end = now + 3600
    if kind == "cookies":
        data = session_data(now=now, user={"id": user})
        cookie = compact_cookie(data, end=end, secret=issuer.secret.encode())
        return {"Cookie": f"better-auth.session_data={cookie}", "Origin": issuer.url}
    if kind == "scopes":
        token = issuer.access_token("todos:read todos:write", sub=user, exp=end)
    else:
        token = issuer.token(sub=user, exp=end)
    return {"Authorization": f"Bearer {token}"}


def run_schemathesis(
    url: str, credentials: dict[str, dict[str, str]], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run every phase and check of Schemathesis against a server."""
    users = [
        {
            "name": user,
            "fixedHeaders": [{"name": name, "value": value} for name, value in headers.items()],
        }
        for user, headers in credentials.items()
    ]
    (folder / "users.json").write_text(json.dumps({"auth": users}))
    (folder / "schemathesis.toml").write_text(CONFIGURATION)
    amount = (
        ["--max-time", str(LONG)]
        if IS_LONG
        else ["--max-examples", str(EXAMPLES), "--generation-deterministic"]
    )
    variables = {
        **NO_COVERAGE,
        "FUZZ_OTHER_USER": json.dumps(credentials["bob"]),
        "NO_PROXY": "*",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("run", f"{url}/openapi.json", "--auth-wfc-user", "ada", "--checks", "all"),
            *("--continue-on-failure", "--no-color", *amount),
        ],
        cwd=folder,
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=LONG * 2 if IS_LONG else 100,
        check=False,
    )
