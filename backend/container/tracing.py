"""Tracing: finds out whether the environment or the app asks for spans, and makes the recorders.

OpenTelemetry is an optional dependency. Without a tracer, nothing is wrapped, and no module of
`adapters/tracing` is imported.
"""

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from backend.adapters.auth.keys import IssuerKeys
from backend.domain.auth import TokenVerifier
from backend.settings.tracing import is_tracing_requested, tracing_complaints

Fetch = Callable[[], Awaitable[bytes]]


def no_tracing() -> None:
    """Return None: an app that calls `protect` exports its spans itself."""


def tracing_from_environment() -> Any:
    """Return a `Tracing`, which makes and exports spans.

    Returns:
        None unless the `OTEL_*` variables ask for tracing, and are valid. A server refuses to start
        with invalid variables.
    """
    if not is_tracing_requested(os.environ) or any(tracing_complaints(os.environ)):
        return None
    from backend.adapters.tracing.provider import Tracing  # noqa: PLC0415 - imports the SDK

    return Tracing()


def tracer_of(tracing: Any) -> Any:
    """Return the tracer of a `Tracing`; without a `Tracing`, the result of `adopted_tracer`."""
    return adopted_tracer() if tracing is None else tracing.tracer


def adopted_tracer() -> Any:
    """Return a tracer of the global provider that an app has set up; None without a provider."""
    if "opentelemetry.sdk.trace" not in sys.modules:  # an app that sets up a provider imports it
        return None
    from backend.adapters.tracing import context  # noqa: PLC0415 - see above

    return context.adopted_tracer()


def traced_fetch(fetch: Fetch, url: str, tracer: Any) -> Fetch:
    """Record a span for each fetch of the key set, if there is a tracer."""
    if tracer is None:
        return fetch
    from backend.adapters.tracing.fetch import TracedFetch  # noqa: PLC0415 - see above

    return TracedFetch(fetch, tracer, url=url)


def traced_question(
    ask: Callable[[str], Awaitable[bytes]], url: str, tracer: Any
) -> Callable[[str], Awaitable[bytes]]:
    """Record a span for each question about a session, if there is a tracer."""
    if tracer is None:
        return ask
    from backend.adapters.tracing import fetch, verifier  # noqa: PLC0415 - see above

    def ask_traced(token: str) -> Awaitable[bytes]:
        verifier.record_miss()
        return fetch.TracedFetch(lambda: ask(token), tracer, url=url)()

    return ask_traced


def with_recorded_misses(verifier: TokenVerifier) -> TokenVerifier:
    """Record on the current span each token that the cache in front of a verifier did not have."""
    from backend.adapters.tracing import verifier as spans  # noqa: PLC0415 - see above

    return spans.CacheMissRecordingTokenVerifier(verifier)


def traced_verifier(
    verifier: TokenVerifier,
    tracer: Any,
    *,
    credential: str,
    jwks: IssuerKeys | None,
    max_age: float,
) -> TokenVerifier:
    """Record a span for each verification.

    Args:
        verifier: Verifies tokens or cookies.
        tracer: Makes the spans.
        credential: The kind of credential: `bearer`, `cookie` or `session_token`.
        jwks: The issuer's keys, if there is a key set.
        max_age: Seconds after which keys are stale.
    """
    from backend.adapters.tracing import verifier as spans  # noqa: PLC0415 - see above

    return spans.TracedTokenVerifier(
        verifier,
        tracer,
        credential=credential,
        key_set_state=jwks.state if jwks is not None else None,
        max_age=max_age,
    )


def untraced(verifier: TokenVerifier | None, tracer: Any) -> TokenVerifier | None:
    """Return the verifier inside a traced verifier; any other verifier as it is."""
    if tracer is None:
        return verifier
    from backend.adapters.tracing import verifier as spans  # noqa: PLC0415 - see above

    return verifier.verifier if isinstance(verifier, spans.TracedTokenVerifier) else verifier
