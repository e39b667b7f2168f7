"""The metrics show the state of keys, remembered tokens, pools and outages."""

import platform

import pytest
from dependency_injector import providers
from httpx2 import Client

from backend import __version__
from backend.adapters.auth.cache import CachedTokenVerifier
from backend.domain.auth import VerifierUnavailableError
from backend.domain.diagnosis import PoolState
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.testing.fakes import FakeTokenVerifier
from tests.entrypoints.http.broken_todos import BrokenTodos
from tests.entrypoints.http.conftest import MakeApp, MakeClient
from tests.entrypoints.http.metrics.conftest import Count, scraped

POOL = PoolState(name="read", in_use=3, idle=2, maximum=10, waiting=4, timeouts=7)


def test_accepted_and_undecided_credentials_are_counted(
    ada: Client, verifier: FakeTokenVerifier, count: Count
) -> None:
    for path in ("/api/me", "/api/todos", "/nothing"):
        ada.get(path)
    verifier.known["ada"] = VerifierUnavailableError("the issuer is down")
    ada.get("/api/me")
    assert count("auth_verifications_total", outcome="accepted", reason="") == 3
    labels = {"outcome": "unavailable", "reason": "verifier_unavailable"}
    assert count("auth_verifications_total", **labels) == 1


def test_open_routes_do_not_count_as_accepted_credentials(ada: Client, count: Count) -> None:
    ada.get("/health/live")
    ada.get("/metrics")
    assert count("auth_verifications_total", outcome="accepted", reason="") == 0


def test_remembered_tokens_are_counted(
    make_app: MakeApp, make_client: MakeClient, verifier: FakeTokenVerifier
) -> None:
    cached = CachedTokenVerifier(verifier, size=1, epoch=lambda: 0, clock=lambda: 0.0)
    client = make_client(make_app(parts={"token_verifier": providers.Object(cached)}), "ada")
    for name in ("ada", "ada", "ada", "bob", "ada"):
        assert client.get("/api/me", headers={"Authorization": f"Bearer {name}"}).is_success
    assert scraped(client, "auth_token_cache_lookups_total", result="hit") == 2
    assert scraped(client, "auth_token_cache_lookups_total", result="miss") == 3
    assert scraped(client, "auth_token_cache_tokens") == 1
    assert scraped(client, "auth_token_cache_tokens_max") == 1


def test_an_app_without_a_token_cache_has_no_metrics_of_a_cache(anonymous: Client) -> None:
    assert "auth_token_cache" not in anonymous.get("/metrics").text


def test_pools_are_shown(make_app: MakeApp, make_client: MakeClient) -> None:
    client = make_client(make_app(parts={"pools": providers.Object([POOL])}))
    expected = {"in_use": 3, "idle": 2, "max": 10, "waiting": 4, "timeouts_total": 7}
    for name, number in expected.items():
        assert scraped(client, f"database_pool_{name}", pool="read") == number


@pytest.mark.parametrize("part", ["verifier", "database"])
def test_an_outage_is_shown_while_it_lasts(
    make_app: MakeApp, make_client: MakeClient, verifier: FakeTokenVerifier, part: str
) -> None:
    parts = {"todos": BrokenTodos(RepositoryUnavailableError("the database is down"))}
    app = make_app(parts=parts if part == "database" else {})
    client = make_client(app, "ada")
    if part == "verifier":
        verifier.known["ada"] = VerifierUnavailableError("the issuer is down")
    assert client.get("/api/todos").status_code == 503
    for name in ("verifier", "database"):
        assert scraped(client, "outage_in_progress", part=name) == (name == part)


def test_no_outage_is_shown_while_all_parts_work(anonymous: Client) -> None:
    for part in ("verifier", "database"):
        assert scraped(anonymous, "outage_in_progress", part=part) == 0


def test_the_versions_that_run_are_shown(anonymous: Client) -> None:
    labels = {"version": __version__, "python_version": platform.python_version()}
    assert scraped(anonymous, "todo_api_build_info", **labels) == 1
    assert scraped(anonymous, "server_workers") == 1
    assert (scraped(anonymous, "process_resident_memory_bytes") or 0) > 1_000_000
