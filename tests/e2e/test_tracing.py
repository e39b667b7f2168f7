"""Spans of a real server, as a collector receives them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest

from backend.testing.invalid_tokens import InvalidToken
from backend.testing.issuer import Issuer
from tests.collector import Collector, ExportedSpan, tree
from tests.e2e.backend import NO_COVERAGE, Backend, bearer
from tests.e2e.processes import ROOT, environment, free_port, wait_for
from tests.e2e.servers import Servers
from tests.tracing_attributes import documented_attributes

PARENT = "b7ad6b7169203331"
EMAIL = "ada@private.example"
TITLE = "a title that only its user may read"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def better_auth() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def traced(
    tmp_path_factory: pytest.TempPathFactory,
    database_url: str,
    collector: Collector,
    better_auth: Issuer,
) -> Iterator[Backend]:
    """A server that exports its spans at once."""
    with Servers(tmp_path_factory.mktemp("traced"), **NO_COVERAGE) as servers:
        yield servers.backend(
            DATABASE_URL=database_url,
            BETTER_AUTH_URL=better_auth.url,
            LOG_FORMAT="json",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="20",
        )


def new_trace(sampled: str = "01") -> tuple[str, dict[str, str]]:
    """Return the id of a new trace, and the headers that continue it."""
    trace_id = uuid4().hex
    return trace_id, {"traceparent": f"00-{trace_id}-{PARENT}-{sampled}", "tracestate": "rojo=1"}


def wait_for_trace(collector: Collector, trace_id: str) -> list[ExportedSpan]:
    """Wait for the server span of a trace, which ends last, and return all of its spans."""

    def probe() -> list[ExportedSpan] | None:
        spans = collector.spans(trace_id)
        return spans if any(span.parent_id == PARENT for span in spans) else None

    return wait_for(probe)


def test_the_spans_of_a_request_continue_the_trace_of_its_caller(
    traced: Backend, collector: Collector, better_auth: Issuer
) -> None:
    trace_id, headers = new_trace()
    headers |= bearer(better_auth.token(sub=f"user-{uuid4()}")) | {"Idempotency-Key": uuid4().hex}
    response = traced.client.post("/api/todos", json={"title": TITLE}, headers=headers)
    assert response.status_code == 201
    spans = wait_for_trace(collector, trace_id)
    assert tree(spans, PARENT) == [
        "POST /api/todos",
        "  verify token",
        "  BEGIN",
        "  SELECT idempotency_keys",
        "  SELECT todos",
        "  DELETE idempotency_keys",
        "  INSERT idempotency_keys",
        "  INSERT todos",
        "  COMMIT",
    ]
    assert {span.trace_state for span in spans} == {"rojo=1"}
    assert {span.service for span in spans} == {"secured-todo-api"}
    server, verification, *statements = spans
    assert server.attributes["http.route"] == "/api/todos"
    assert server.attributes["http.response.status_code"] == 201
    assert verification.attributes == {
        "auth.credential": "bearer",
        "auth.remembered": False,
        "auth.outcome": "valid",
        "auth.algorithm": "EdDSA",
        "auth.key_id": better_auth.signer.kid,
        "auth.key_source": "fresh",
    }
    assert {name for span in spans for name in span.attributes} <= documented_attributes()
    assert statements[-2].attributes["db.query.text"].startswith("INSERT INTO todos (user_id,")
    assert set(collector.paths) == {"/v1/traces"}


def test_spans_contain_no_token_no_user_and_no_value_of_a_statement(
    traced: Backend, collector: Collector, better_auth: Issuer
) -> None:
    user_id = f"user-{uuid4()}"
    token = better_auth.token(sub=user_id, email=EMAIL)
    forged = better_auth.invalid_token(InvalidToken.CHANGED)
    trace_id, headers = new_trace()
    headers |= bearer(token)
    created = traced.client.post("/api/todos", json={"title": TITLE}, headers=headers)
    traced.client.get(f"/api/todos?q={TITLE}&token={token}", headers=headers)
    traced.client.get(f"/api/todos?{token}", headers=headers)
    traced.client.get(f"/api/todos/{token}", headers=headers)
    traced.client.get(f"/{token}", headers=headers)
    traced.client.get("/api/me", headers={**headers, **bearer(forged)})
    traced.client.get(
        "/api/me", headers={**headers, "Cookie": f"better-auth.session_token={token}"}
    )
    wait_for(lambda: len(servers_of(collector.spans(trace_id))) == 7 or None)
    exported = b"".join(collector.bodies)
    secrets = [*token.split("."), *forged.split("."), user_id, EMAIL, TITLE, created.json()["id"]]
    assert [secret for secret in secrets if secret.encode() in exported] == []


def servers_of(spans: list[ExportedSpan]) -> list[ExportedSpan]:
    return [span for span in spans if span.parent_id == PARENT]


def test_log_lines_of_a_request_have_the_id_of_its_trace(
    traced: Backend, better_auth: Issuer
) -> None:
    trace_id, headers = new_trace()
    headers |= bearer(better_auth.invalid_token(InvalidToken.EXPIRED))
    traced.client.get("/api/todos", headers=headers)
    wait_for(lambda: "backend.access" in loggers_of(traced, trace_id) or None)


def loggers_of(backend: Backend, trace_id: str) -> set[str]:
    """Return the loggers that have written lines of a trace."""
    lines = [json.loads(line) for line in backend.output.splitlines() if line.startswith("{")]
    return {line["logger"] for line in lines if line.get("trace_id") == trace_id}


def test_rejected_tokens_are_spans_with_the_exact_reason_and_the_route(
    traced: Backend, collector: Collector, better_auth: Issuer
) -> None:
    trace_id, headers = new_trace()
    headers |= bearer(better_auth.invalid_token(InvalidToken.EXPIRED))
    assert traced.client.get("/api/todos", headers=headers).status_code == 401
    server, verification = wait_for_trace(collector, trace_id)
    assert server.name == "GET /api/todos"
    assert verification.attributes["auth.outcome"] == "invalid"
    assert verification.attributes["auth.reason"] == "token_expired"


def test_health_checks_metrics_and_unsampled_requests_are_not_traced(
    traced: Backend, collector: Collector, better_auth: Issuer
) -> None:
    unsampled, headers = new_trace("00")
    headers |= bearer(better_auth.token())
    assert traced.client.get("/api/todos", headers=headers).status_code == 200
    for path in ("/health/live", "/health/ready", "/metrics"):
        excluded, headers = new_trace()
        assert traced.client.get(path, headers=headers).status_code == 200
        assert collector.spans(excluded) == []
    trace_id, headers = new_trace()
    traced.client.get("/api/me", headers=headers)
    wait_for_trace(collector, trace_id)
    assert collector.spans(unsampled) == []
    assert {"GET /health/live", "GET /health/ready", "GET /metrics"}.isdisjoint(
        span.name for span in collector.spans()
    )


def test_a_fetch_of_the_keys_in_the_background_is_a_trace_of_its_own(
    traced: Backend, collector: Collector, better_auth: Issuer
) -> None:
    assert traced.client.get("/health/ready").status_code == 200  # the first fetch has ended

    def root() -> ExportedSpan | None:
        spans = (span for span in collector.spans() if span.name == "GET /api/auth/jwks")
        return next(spans, None)

    fetch = wait_for(root)
    assert fetch.parent_id == ""
    assert fetch.attributes["url.full"] == f"{better_auth.url}/api/auth/jwks"
    assert fetch.attributes["http.response.body.size"] == len(better_auth.document)


def test_requests_are_served_without_a_collector_and_its_return_is_noticed(
    servers: Servers, secret: str, auth_headers: dict[str, str]
) -> None:
    port = free_port()
    backend = servers.backend(
        BETTER_AUTH_SECRET=secret,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
        OTEL_EXPORTER_OTLP_TIMEOUT="0.1",
        OTEL_BSP_SCHEDULE_DELAY="200",
    )
    for _ in range(3):
        assert backend.client.get("/api/todos", headers=auth_headers).status_code == 200
    wait_for(lambda: "cannot export spans" in backend.output or None)
    assert backend.client.get("/api/todos", headers=auth_headers).status_code == 200
    with Collector(port) as collector:
        wait_for(lambda: collector.spans() or None)
        trace_id, headers = new_trace()
        backend.client.get("/api/me", headers={**headers, **auth_headers})
        backend.stop()  # before the next export
        assert tree(collector.spans(trace_id), PARENT) == ["GET /api/me", "  verify token"]
    assert backend.output.count("cannot export spans") == 1
    assert backend.output.count("spans are exported again") == 1
    assert "opentelemetry" not in backend.output
    assert "Traceback" not in backend.output


def test_nothing_is_imported_and_no_thread_is_started_without_variables(database_url: str) -> None:
    program = (
        "import asyncio, sys, threading\n"
        "from backend.entrypoints.server.process import app_from_environment\n"
        "async def main():\n"
        "    app = app_from_environment()\n"
        "    async with app.router.lifespan_context(app):\n"
        "        print([name for name in sys.modules if name.startswith(NAMES)])\n"
        "        threads = [thread.name for thread in threading.enumerate()]\n"
        "        print([name for name in threads if 'Otel' in name])\n"
        "NAMES = ('opentelemetry.sdk', 'opentelemetry.exporter', 'backend.adapters.tracing')\n"
        "asyncio.run(main())\n"
    )
    variables = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": "x" * 40, **NO_COVERAGE}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment(variables),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n[]\n"
