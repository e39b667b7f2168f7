"""A fake of Better Auth's `get-session`, and the session tokens that it knows."""

import asyncio
import hmac
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from backend.adapters.auth.better_auth.answers import SessionAnswers
from backend.adapters.auth.better_auth.session_tokens import SessionTokenVerifier
from backend.adapters.auth.jwks.errors import FetchError
from backend.domain.auth import AuthError
from backend.testing.encoding import drop_absent, to_json
from tests.adapters.auth.clock import Clock
from tests.adapters.auth.cookies import session_data
from tests.adapters.auth.tokens import NOW, SECRET

TEXT: Final = "AKS0ce5SL820JKrTr9k8Ztvl5CXglAXf"  # as Better Auth makes session tokens


def signed(text: str = TEXT, *, secret: bytes = SECRET) -> str:
    """Return a session token as the header `set-auth-token` has it."""
    return f"{text}.{b64encode(hmac.digest(secret, text.encode(), 'sha256')).decode()}"


def session_answer(
    text: str = TEXT,
    *,
    session: Mapping[str, Any] | None = None,
    user: Mapping[str, Any] | None = None,
    **changes: Any,
) -> bytes:
    """Return the answer to a token, with some members changed."""
    data = session_data(session={"token": text, **(session or {})}, user=user)
    return to_json(
        drop_absent({"session": data["session"], "user": data["user"], **changes}),
    )


class FakeGetSession:
    """Answers with one document, or with the sessions of `answers`.

    Attributes:
        answers: The answers by token. Any other token gets `null`.
        failure: The error of every question; None if there is an answer.
        asked: The tokens of the questions, in order.
        gate: Questions wait until it is set.
    """

    def __init__(self, *answers: bytes) -> None:
        self.answers: dict[str, bytes] = {signed(): answer for answer in answers}
        self.failure: FetchError | None = None
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, token: str) -> bytes:
        self.asked.append(token)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return self.answers.get(token, b"null")


def session_token_verifier(
    fetch: Callable[[str], Awaitable[bytes]],
    *,
    clock: Callable[[], float] = lambda: NOW,
    timer: Callable[[], float] | None = None,
    max_age: float = 10.0,
    size: int = 100,
    secret: bytes = SECRET,
    **options: Any,
) -> SessionTokenVerifier:
    """Make a verifier as the container does. Time stands still by default."""
    answers = SessionAnswers(max_age=max_age, size=size, clock=clock, timer=timer or Clock())
    return SessionTokenVerifier(fetch, secret=secret, answers=answers, clock=clock, **options)


async def session_outcome(verifier: SessionTokenVerifier, token: str) -> object:
    """Return the id of the token's user, or the class of the error."""
    try:
        return (await verifier.verify(token)).user_id
    except AuthError as error:
        return type(error)
