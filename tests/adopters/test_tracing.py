"""An app that traces its requests itself, and is protected with `protect`."""

import time
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from backend.container.authentication import AuthContainer
from backend.entrypoints.http import CurrentPrincipal, protect
from backend.settings.authentication import AuthSettings
from backend.testing.headers import bearer
from backend.testing.tokens import secret_token

SECRET = "a secret of thirty-two bytes at least"


@pytest.fixture
def memory() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(memory: InMemorySpanExporter) -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return provider


def app_with(provider: TracerProvider | None, **options: Any) -> FastAPI:
    app = FastAPI(telemetry={"tracer_provider": provider, "operation_spans": False})
    protect(app, **options)

    @app.get("/notes")
    async def list_notes(principal: CurrentPrincipal) -> list[str]:
        return [principal.user_id]

    return app


def get_notes(app: FastAPI) -> None:
    token = secret_token(SECRET, sub="ada", exp=int(time.time()) + 60)
    with TestClient(app) as client:
        assert client.get("/notes", headers=bearer(token)).json() == ["ada"]


def test_verifications_join_the_traces_of_a_global_provider(
    memory: InMemorySpanExporter, provider: TracerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)  # it can be set only once
    get_notes(app_with(None))
    verification, request = memory.get_finished_spans()
    assert (verification.name, request.name) == ("verify token", "GET /notes")
    assert verification.parent == request.context


def test_verifications_join_the_traces_of_a_provider_that_is_not_global(
    memory: InMemorySpanExporter, provider: TracerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    container = AuthContainer(tracer=provider.get_tracer("backend"))
    get_notes(app_with(provider, container=container))
    assert [span.name for span in memory.get_finished_spans()] == ["verify token", "GET /notes"]


def test_protect_reads_no_variable_of_opentelemetry_and_sets_no_global_provider(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "not a URL")
    before = trace.get_tracer_provider()
    app = FastAPI()
    protect(app, settings=AuthSettings.load(better_auth_secret=SECRET))
    with TestClient(app) as client:
        assert client.get("/notes").status_code == 404
    assert trace.get_tracer_provider() is before
