"""Health checks: whether the process is alive, and whether it can serve requests."""

import asyncio
import logging
import time
from dataclasses import replace

import pytest
from dependency_injector import providers

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.domain.diagnosis import KeySetState
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.entrypoints.http import checks, health
from tests.entrypoints.http.conftest import MakeApp, MakeClient


class UnreachableDatabase(InMemoryDatabase):
    """The database is down."""

    async def check(self) -> None:
        raise RepositoryUnavailableError("the database at 10.1.2.3 is down")


class StuckDatabase(InMemoryDatabase):
    """The database never answers."""

    async def check(self) -> None:
        await asyncio.Event().wait()


class BrokenDatabase(InMemoryDatabase):
    """The check fails with an unexpected error."""

    async def check(self) -> None:
        raise ZeroDivisionError


def test_a_healthy_process_is_live_and_ready(make_app: MakeApp, make_client: MakeClient) -> None:
    client = make_client(make_app())
    assert client.get("/health/live").json() == {"status": "ok", "checks": {}}
    response = client.get("/health/ready")
    assert (response.status_code, response.json()) == (
        200,
        {"status": "ok", "checks": {"database": "ok"}},
    )


@pytest.mark.parametrize("database", [UnreachableDatabase(), StuckDatabase(), BrokenDatabase()])
def test_a_process_without_its_database_is_live_but_not_ready(
    make_app: MakeApp,
    make_client: MakeClient,
    database: InMemoryDatabase,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(checks, "CHECK_TIMEOUT", 0.05)
    client = make_client(make_app(parts={"database": database}))
    with caplog.at_level(logging.WARNING):
        response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "checks": {"database": "unavailable"}}
    assert "10.1.2.3" not in response.text
    assert [
        record.getMessage().startswith("not ready: database: ") for record in caplog.records
    ] == [True]
    assert client.get("/health/live").status_code == 200


def test_readiness_is_logged_at_changes_and_not_at_every_probe(
    make_app: MakeApp, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    client, works = make_client(app), app.state.checks["database"]
    caplog.set_level(logging.INFO, logger=health.__name__)
    for check in (UnreachableDatabase().check, works, UnreachableDatabase().check):
        app.state.checks = {"database": check}
        for _ in range(3):
            client.get("/health/ready")
    assert [record.getMessage() for record in caplog.records if record.name == health.__name__] == [
        "not ready: database: the database at 10.1.2.3 is down",
        "ready again: database",
        "not ready: database: the database at 10.1.2.3 is down",
    ]


class SlowToEndDatabase(InMemoryDatabase):
    """The database never answers, and a cancelled check takes long to end."""

    async def check(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(30)


def test_readiness_does_not_wait_for_a_check_to_end(
    make_app: MakeApp, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checks.CHECK_TIMEOUT < 5
    monkeypatch.setattr(checks, "CHECK_TIMEOUT", 0.05)
    client = make_client(make_app(parts={"database": SlowToEndDatabase()}))
    start = time.monotonic()
    assert client.get("/health/ready").status_code == 503
    assert time.monotonic() - start < 2


def test_readiness_checks_the_keys(make_app: MakeApp, make_client: MakeClient) -> None:
    # Nothing listens on this port, and without keys no token can be verified.
    app = make_app(better_auth_url="http://127.0.0.1:1")
    response = make_client(app).get("/health/ready")
    assert response.status_code == 503
    assert response.json()["checks"] == {"keys": "unavailable", "database": "ok"}


def test_health_needs_no_credentials(make_app: MakeApp, make_client: MakeClient) -> None:
    client = make_client(make_app(), "mallory")
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 200


STATE = KeySetState(
    kids=("one", "two"),
    rejected=("key 2: no kid",),
    age=12.46,
    attempted=2.5,
    error="status 500",
    usable=True,
    fetches={"success": 3, "status": 2},
)


def test_readiness_shows_the_state_of_the_key_set(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    client = make_client(make_app(parts={"key_set_state": providers.Object(lambda: STATE)}))
    assert client.get("/health/ready").json()["keys"] == {
        "kids": ["one", "two"],
        "rejected": ["key 2: no kid"],
        "age": 12.5,
        "attempted": 2.5,
        "error": "status 500",
    }


def test_metrics_show_the_state_of_the_key_set(make_app: MakeApp, make_client: MakeClient) -> None:
    client = make_client(make_app(parts={"key_set_state": providers.Object(lambda: STATE)}))
    text = client.get("/metrics").text
    lines = [line.split() for line in text.splitlines() if line.startswith("auth_key_set")]
    values = {name: float(value) for name, value in lines}
    now = time.time()
    assert now - values.pop("auth_key_set_last_success_timestamp_seconds") == pytest.approx(
        12.5, abs=5
    )
    assert now - values.pop("auth_key_set_last_fetch_timestamp_seconds") == pytest.approx(
        2.5, abs=2
    )
    assert values == {
        "auth_key_set_usable": 1,
        "auth_key_set_keys": 2,
        "auth_key_set_rejected_keys": 1,
        "auth_key_set_failing": 1,
        'auth_key_set_fetches_total{result="success"}': 3,
        'auth_key_set_fetches_total{result="status"}': 2,
    }


def test_a_key_set_that_was_never_fetched_has_no_age(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    never = replace(STATE, kids=(), rejected=(), age=None, attempted=None, usable=False)
    client = make_client(make_app(parts={"key_set_state": providers.Object(lambda: never)}))
    assert "age" not in client.get("/health/ready").json()["keys"]
    assert "auth_key_set_last_success_timestamp_seconds" not in client.get("/metrics").text
    assert "auth_key_set_usable 0.0" in client.get("/metrics").text


def test_the_state_of_a_key_set_is_omitted_without_a_key_set(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    client = make_client(make_app())
    assert "keys" not in client.get("/health/ready").json()
    assert "auth_key_set" not in client.get("/metrics").text
