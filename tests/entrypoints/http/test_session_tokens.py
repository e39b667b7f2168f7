"""Session tokens over HTTP: 200, 401 and 503, with the reason in the log and in the metrics."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.entrypoints.http.app import create_app
from backend.settings import Settings
from tests.adapters.auth.sessions import session_answer, signed
from tests.adapters.auth.tokens import NOW, SECRET
from tests.container.key_server import URL, KeyServer
from tests.entrypoints.http.asgi_client import RawResponse, app_lifespan, send_request
from tests.entrypoints.http.metrics.conftest import samples

pytestmark = pytest.mark.anyio


def better_auth(request: httpx2.Request) -> httpx2.Response:
    """Know one session, have an error for another, and answer `null` to all other tokens."""
    token = request.headers["Authorization"].removeprefix("Bearer ")
    known = {signed(): session_answer()}

    async def stream() -> AsyncIterator[bytes]:
        yield known.get(token, b"null")

    return httpx2.Response(502 if token == signed("broken") else 200, content=stream())


async def get(app: Any, token: str) -> RawResponse:
    headers = [(b"authorization", b"Bearer " + token.encode())]
    return await send_request(app, "/api/me", headers=headers, raising=False)


async def refusals(container: Container) -> dict[str, float]:
    """Return how many bearer tokens this process has refused, by reason."""
    response = await send_request(create_app(container), "/metrics")
    return {
        labels["reason"]: value
        for (name, items), value in samples(response.body.decode()).items()
        if name == "auth_verifications_total" and (labels := dict(items))["outcome"] == "refused"
    }


async def test_each_outcome_has_its_status_its_reason_and_its_metric(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = Settings.load(
        better_auth_url=URL,
        better_auth_secret=SECRET.decode(),
        auth_session_tokens="get-session",
    )
    container = Container(
        settings=settings,
        clock=lambda: NOW,
        database=InMemoryDatabase(),
        http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(KeyServer())),
        get_session_client=httpx2.AsyncClient(transport=httpx2.MockTransport(better_auth)),
    )
    caplog.set_level("INFO")
    before = await refusals(container)
    app = create_app(container)
    async with app_lifespan(app):
        accepted = await get(app, signed())
        assert (accepted.status, accepted.json()["user_id"]) == (200, "user-1")

        ended = await get(app, signed("ended"))
        assert (ended.status, ended.json()["code"]) == (401, "invalid_token")
        assert 'error="invalid_token"' in (ended.header("www-authenticate") or "")

        unsigned = await get(app, signed().partition(".")[0])
        assert (unsigned.status, unsigned.json()["code"]) == (401, "invalid_token")
        assert "set-auth-token" not in unsigned.body.decode()

        unavailable = await get(app, signed("broken"))
        assert (unavailable.status, unavailable.json()["code"]) == (503, "verifier_unavailable")
        assert unavailable.header("retry-after") == "1"
        assert unavailable.header("www-authenticate") is None
        metrics = (await send_request(app, "/metrics")).body.decode()

    assert "refused: inactive_token" in caplog.text
    assert "set-auth-token" in caplog.text  # the log says what to send instead
    for text in ("ended", "broken"):
        assert signed(text) not in caplog.text
    after = await refusals(container)
    for reason in ("inactive_token", "malformed_token"):
        assert after[reason] - before.get(reason, 0.0) == 1
    assert 'outcome="unavailable"' in metrics
