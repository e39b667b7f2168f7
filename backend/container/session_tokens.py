"""Makes the verifier of session tokens, which asks Better Auth (`AUTH_SESSION_TOKENS`)."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from backend.adapters.auth.better_auth.bearer_tokens import BearerTokenVerifier
from backend.adapters.auth.revocation import RevocationCheckedTokenVerifier
from backend.container.issuer import Issuer
from backend.container.tokens import to_principal
from backend.container.tracing import traced_question, traced_verifier
from backend.domain.auth import TokenVerifier
from backend.domain.revocation import RevocationCheck
from backend.settings.authentication import AuthSettings


def make_verifier(  # noqa: PLR0913 - the parts of the container
    settings: AuthSettings,
    issuer: Issuer,
    client: Callable[[], Any],
    clock: Callable[[], float],
    tracer: Any = None,
    *,
    revocation: RevocationCheck | None = None,
) -> TokenVerifier | None:
    """Make the verifier of session tokens; None if they are not accepted.

    Args:
        settings: The secret, and how long an answer is used.
        issuer: Has the URL of `get-session`.
        client: Returns the HTTP client; called only if session tokens are accepted.
        clock: Returns the time in seconds since the epoch.
        tracer: Makes the spans; None if nothing is traced.
        revocation: Checks whether a session is revoked; None if sessions cannot be revoked.
    """
    url = issuer.get_session_url
    if url is None:
        return None
    from backend.adapters.auth.better_auth.answers import SessionAnswers  # noqa: PLC0415 - rare
    from backend.adapters.auth.better_auth.session_tokens import (  # noqa: PLC0415 - rare
        SessionTokenVerifier,
    )

    verifier: TokenVerifier = SessionTokenVerifier(
        traced_question(functools.partial(ask, client(), url), url, tracer),
        # Better Auth signs sessions with its current secret, and accepts old secrets for JWE only.
        secret=settings.secrets[0].encode(),
        answers=SessionAnswers(
            source=url,
            max_age=settings.auth_session_max_age,
            size=settings.auth_token_cache_size,
            clock=clock,
        ),
        leeway=settings.auth_leeway,
        # A session must not outlive the entry that revokes it.
        max_lifetime=None if revocation is None else settings.auth_max_lifetime,
        to_principal=to_principal(settings, issuer, revocation),
        clock=clock,
    )
    if revocation is not None:
        verifier = RevocationCheckedTokenVerifier(verifier, revocation)
    if tracer is None:
        return verifier
    return traced_verifier(verifier, tracer, credential="session_token", jwks=None, max_age=0)


def ask(client: Any, url: str, token: str) -> Awaitable[bytes]:
    """Ask Better Auth about the session of a token.

    Args:
        client: The HTTP client, which must keep no cookies.
        url: The URL of `get-session`.
        token: A session token whose signature is verified.

    Returns:
        The body of the answer. Awaiting it raises `FetchError` if there is none.
    """
    from backend.adapters.auth.jwks.fetch import fetch  # noqa: PLC0415 - imports httpx2

    return fetch(client, url, headers={"Authorization": f"Bearer {token}"})


def with_session_tokens(
    verifier: TokenVerifier, session_tokens: TokenVerifier | None
) -> TokenVerifier:
    """Let a verifier of JWTs accept session tokens too, if there is a verifier of those."""
    if session_tokens is None:
        return verifier
    return BearerTokenVerifier(verifier, session_tokens=session_tokens)
