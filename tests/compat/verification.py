"""Verifies captured credentials without a network, at the time of their capture."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx2

from backend.container.authentication import AuthContainer
from backend.domain.auth import AuthError, ExpiredTokenError, InvalidTokenError, Principal
from backend.settings.authentication import AuthSettings
from tests.compat.captures import Capture, Credential, changed

OTHER: Final = "https://other.example.com"
OTHER_SECRET: Final = "another secret, which signed none of the captures"


@dataclass
class Clock:
    """A clock that stands still.

    Attributes:
        now: The time in seconds since the epoch.
    """

    now: float

    def __call__(self) -> float:
        """Return the time."""
        return self.now


async def problems_of(*captures: Capture) -> list[str]:
    """Verify the credentials of captures, and check that they are refused when they have to be.

    All at the same time: after a bad signature, the API waits for new keys for a second.

    Returns:
        A sentence for each thing that is wrong.
    """
    found = await asyncio.gather(
        *(
            _problems_of(credential, f"{credential.kind} of {capture.release}")
            for capture in captures
            for credential in capture.credentials
        )
    )
    return [problem for problems in found for problem in problems]


async def _problems_of(credential: Credential, name: str) -> list[str]:
    found = []
    clock = Clock(credential.captured_at)
    async with _container(credential, clock, credential.settings) as container:
        principal = await _outcome(container, credential, credential.value)
        if not credential.accepted:
            refused = isinstance(principal, InvalidTokenError)
            return [] if refused else [f"{name} was not refused: {principal!r}"]
        if not isinstance(principal, Principal) or principal.user_id != credential.user_id:
            return [f"{name} was not accepted: {principal!r}"]
        outcome = await _outcome(container, credential, changed(credential.value))
        if not isinstance(outcome, InvalidTokenError):
            found.append(f"{name} with a change was not refused: {outcome!r}")
        clock.now = principal.expires_at + container.settings().auth_leeway + 1
        outcome = await _outcome(container, credential, credential.value)
        if not isinstance(outcome, ExpiredTokenError):
            found.append(f"expired {name} was not refused: {outcome!r}")
    clock.now = credential.captured_at
    settings = {**credential.settings, **_settings_of_another_api(credential)}
    async with _container(credential, clock, settings) as container:
        outcome = await _outcome(container, credential, credential.value)
        if not isinstance(outcome, InvalidTokenError):
            found.append(f"{name} for another API was not refused: {outcome!r}")
    return found


def _settings_of_another_api(credential: Credential) -> Mapping[str, str]:
    """Return settings with which the credential must be refused."""
    if "BETTER_AUTH_SECRET" in credential.settings:
        return {"BETTER_AUTH_SECRET": OTHER_SECRET}
    if credential.is_cookie:  # its audience is the same everywhere
        (keys_url,) = credential.documents
        return {"BETTER_AUTH_URL": OTHER, "AUTH_JWKS_URL": keys_url}
    if "AUTH_RESOURCE" in credential.settings:
        return {"AUTH_RESOURCE": OTHER}
    return {"AUTH_AUDIENCE": OTHER}


@asynccontextmanager
async def _container(
    credential: Credential, clock: Clock, settings: Mapping[str, str]
) -> AsyncIterator[AuthContainer]:
    async def content(url: str) -> AsyncIterator[bytes]:
        yield json.dumps(credential.documents[url]).encode()

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=content(str(request.url)))

    container = AuthContainer(
        settings=AuthSettings.load(**{name.lower(): value for name, value in settings.items()}),
        http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(answer)),
        clock=clock,
    )
    async with AsyncExitStack() as stack:
        for resource in container.resources():
            await stack.enter_async_context(resource)
        yield container


async def _outcome(
    container: AuthContainer, credential: Credential, value: str
) -> Principal | AuthError:
    verifier = container.session_verifier() if credential.is_cookie else container.token_verifier()
    assert verifier is not None
    try:
        return await verifier.verify(value)
    except AuthError as error:
        return error
