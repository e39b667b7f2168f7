"""Session tokens: the principal of an answer, its age, its expiry, and failures of Better Auth."""

import asyncio
from typing import Any

import pytest

from backend.adapters.auth.better_auth.answers import MAX_QUESTIONS
from backend.adapters.auth.better_auth.tokens import to_principal
from backend.adapters.auth.claims import Claims
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.revocation import with_ids
from backend.domain.auth import (
    ExpiredTokenError,
    InactiveTokenError,
    InvalidClaimError,
    Principal,
    VerifierUnavailableError,
)
from backend.testing.encoding import iso
from tests.adapters.auth.clock import Clock, settle
from tests.adapters.auth.cookies import SESSION_EXPIRY
from tests.adapters.auth.sessions import (
    FakeGetSession,
    session_answer,
    session_outcome,
    session_token_verifier,
    signed,
)
from tests.adapters.auth.tokens import NOW

pytestmark = pytest.mark.anyio


async def test_the_answer_becomes_the_same_principal_as_that_of_a_session_cookie() -> None:
    user = {"role": "admin,editor", "emailVerified": True, "scope": "todos:write", "sub": "user-2"}
    fetch = FakeGetSession(session_answer(user=user))
    assert await session_token_verifier(fetch).verify(signed()) == Principal(
        user_id="user-1",
        email="alice@example.com",
        email_verified=True,
        name="Alice",
        roles=frozenset({"admin", "editor"}),
        expires_at=SESSION_EXPIRY,
    )
    assert fetch.asked == [signed()]


async def test_the_mapping_gets_the_session_and_when_it_began() -> None:
    seen: list[Claims] = []

    def to_seen(claims: Claims, expires_at: float) -> Principal:
        seen.append(claims)
        return to_principal(claims, expires_at)

    session = {"id": "session-9", "createdAt": iso(NOW - 100), "activeOrganizationId": "org-1"}
    fetch = FakeGetSession(session_answer(session=session, user={"sid": "x", "iat": 1}))
    await session_token_verifier(fetch, to_principal=to_seen).verify(signed())
    (claims,) = seen
    assert (claims["sid"], claims["iat"], claims["jti"]) == ("session-9", NOW - 100, None)
    assert claims["activeOrganizationId"] == "org-1"
    assert "token" not in claims


@pytest.mark.parametrize("answer", [b"null", b" null\n"])
async def test_a_session_that_has_ended_is_refused(answer: bytes) -> None:
    fetch = FakeGetSession(answer)
    assert await session_outcome(session_token_verifier(fetch), signed()) is InactiveTokenError


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"banned": True}, InactiveTokenError),
        ({"banned": True, "banExpires": iso(NOW + 1)}, InactiveTokenError),
        ({"banned": True, "banExpires": iso(NOW - 1)}, "user-1"),
        ({"id": ""}, InvalidClaimError),
    ],
)
async def test_users_are_treated_as_with_session_cookies(
    user: dict[str, Any], expected: object
) -> None:
    def mapping(claims: Claims, expires_at: float) -> Principal:
        return to_principal(claims, expires_at, clock=lambda: NOW)

    session = {"userId": user.get("id", "user-1")}
    fetch = FakeGetSession(session_answer(user=user, session=session))
    verifier = session_token_verifier(fetch, to_principal=mapping)
    for _ in range(3):
        assert await session_outcome(verifier, signed()) == expected
    assert len(fetch.asked) == 1  # a refusal is kept too, so it cannot be used to flood


async def test_an_answer_is_used_for_its_maximum_age_from_the_question() -> None:
    clock = Clock()
    fetch = FakeGetSession(session_answer())
    fetch.gate.clear()
    verifier = session_token_verifier(fetch, timer=clock, max_age=10)
    first = asyncio.create_task(verifier.verify(signed()))
    await clock.advance(4)
    fetch.gate.set()
    principal = await first
    fetch.answers.clear()
    await clock.advance(5.9)
    assert await verifier.verify(signed()) is principal
    await clock.advance(0.1)
    assert await session_outcome(verifier, signed()) is InactiveTokenError
    assert len(fetch.asked) == 2


async def test_the_end_of_a_session_is_kept_for_the_maximum_age() -> None:
    clock = Clock()
    fetch = FakeGetSession()
    verifier = session_token_verifier(fetch, timer=clock, max_age=10)
    for _ in range(50):
        assert await session_outcome(verifier, signed()) is InactiveTokenError
    assert len(fetch.asked) == 1
    await clock.advance(10)
    assert await session_outcome(verifier, signed()) is InactiveTokenError
    assert len(fetch.asked) == 2


@pytest.mark.parametrize("options", [{"max_age": 0}, {"size": 0}])
async def test_without_an_age_or_a_size_every_request_asks(options: dict[str, Any]) -> None:
    fetch = FakeGetSession(session_answer())
    verifier = session_token_verifier(fetch, **options)
    for _ in range(3):
        assert await session_outcome(verifier, signed()) == "user-1"
    assert len(fetch.asked) == 3


async def test_an_answer_is_never_used_after_the_session_has_expired() -> None:
    now = [float(NOW)]
    fetch = FakeGetSession(session_answer(session={"expiresAt": iso(NOW + 5)}))
    verifier = session_token_verifier(fetch, clock=lambda: now[0], max_age=300)
    assert (await verifier.verify(signed())).expires_at == NOW + 5
    now[0] = NOW + 5
    assert await session_outcome(verifier, signed()) == "user-1"  # within the leeway, but asked
    assert len(fetch.asked) == 2
    now[0] = NOW + 15
    assert await session_outcome(verifier, signed()) is ExpiredTokenError


async def test_a_session_is_accepted_no_longer_than_the_entry_that_revokes_it() -> None:
    now = [float(NOW)]
    fetch = FakeGetSession(session_answer(session={"createdAt": iso(NOW - 800)}))
    verifier = session_token_verifier(
        fetch,
        clock=lambda: now[0],
        max_age=0,
        max_lifetime=900.3,
        to_principal=with_ids(to_principal, max_lifetime=900.3),
    )
    assert (await verifier.verify(signed())).expires_at == NOW + 100
    now[0] = NOW + 111
    assert await session_outcome(verifier, signed()) is ExpiredTokenError


async def test_requests_for_one_session_share_a_question() -> None:
    fetch = FakeGetSession(session_answer())
    fetch.gate.clear()
    verifier = session_token_verifier(fetch, max_age=0)
    requests = [asyncio.create_task(verifier.verify(signed())) for _ in range(100)]
    await asyncio.sleep(0)
    requests[0].cancel()  # a client that disconnects does not cancel the question of the others
    await asyncio.sleep(0)
    fetch.gate.set()
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert {result.user_id for result in results[1:] if isinstance(result, Principal)} == {"user-1"}
    assert len(fetch.asked) == 1


@pytest.mark.parametrize(
    ("max_age", "late", "outcome"),
    [(0, 0.1, InactiveTokenError), (1, 1.1, InactiveTokenError), (1, 1, "user-1")],
)
async def test_a_request_shares_a_question_only_if_the_question_is_not_too_old(
    max_age: float, late: float, outcome: object
) -> None:
    clock = Clock()
    answers = [session_answer(), b"null"]  # the session ends while the first answer is on its way
    gates = [asyncio.Event(), asyncio.Event()]
    asked = 0

    async def fetch(_token: str) -> bytes:
        nonlocal asked
        asked += 1
        answer, gate = answers[asked - 1], gates[asked - 1]
        await gate.wait()
        return answer

    verifier = session_token_verifier(fetch, timer=clock, max_age=max_age)
    first = asyncio.create_task(session_outcome(verifier, signed()))
    await clock.advance(late)
    others = [asyncio.create_task(session_outcome(verifier, signed())) for _ in range(20)]
    await clock.advance(1)
    assert asked == 1  # never two questions about a session at the same time
    gates[0].set()
    await settle()
    gates[1].set()
    assert await first == "user-1"
    assert set(await asyncio.gather(*others)) == {outcome}
    assert asked == (1 if outcome == "user-1" else 2)


async def test_sessions_of_different_users_never_meet() -> None:
    fetch = FakeGetSession()
    texts = [f"session-{number}" for number in range(50)]
    for text in texts:
        user = f"user-of-{text}"
        answer = session_answer(text, session={"userId": user}, user={"id": user})
        fetch.answers[signed(text)] = answer
    verifier = session_token_verifier(fetch)
    for _ in range(2):
        calls = [verifier.verify(signed(text)) for text in texts]
        found = [principal.user_id for principal in await asyncio.gather(*calls)]
        assert found == [f"user-of-{text}" for text in texts]
    assert len(fetch.asked) == 50


async def test_questions_at_the_same_time_are_limited() -> None:
    fetch = FakeGetSession()
    fetch.gate.clear()
    verifier = session_token_verifier(fetch)
    texts = [f"session-{number}" for number in range(MAX_QUESTIONS + 10)]
    requests = [asyncio.create_task(session_outcome(verifier, signed(text))) for text in texts]
    await asyncio.sleep(0.01)
    assert len(fetch.asked) == MAX_QUESTIONS
    fetch.gate.set()
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert results[:MAX_QUESTIONS] == [InactiveTokenError] * MAX_QUESTIONS
    assert {type(result) for result in results[MAX_QUESTIONS:]} == {VerifierUnavailableError}
    assert await session_outcome(verifier, signed(texts[-1])) is InactiveTokenError


async def test_the_number_of_answers_is_limited_and_the_oldest_is_dropped() -> None:
    fetch = FakeGetSession()
    verifier = session_token_verifier(fetch, size=3)
    for text in ("a", "b", "c", "a", "d", "b", "c", "d", "a"):
        await session_outcome(verifier, signed(text))
    asked = [token.partition(".")[0] for token in fetch.asked]
    assert asked == ["a", "b", "c", "d", "a"]


async def test_better_auth_is_asked_again_a_second_after_a_failure() -> None:
    clock = Clock()
    fetch = FakeGetSession(session_answer())
    fetch.failure = FetchError("HTTP 500", kind=FetchErrorKind.STATUS, status=500)
    verifier = session_token_verifier(fetch, timer=clock)
    for _ in range(20):
        with pytest.raises(VerifierUnavailableError, match="HTTP 500") as caught:
            await verifier.verify(signed())
        assert caught.value.retry_after == 1
    assert len(fetch.asked) == 1
    fetch.failure = None
    await clock.advance(1)
    assert await session_outcome(verifier, signed()) == "user-1"


@pytest.mark.parametrize(
    ("failure", "pause"),
    [
        (FetchError("refused", kind=FetchErrorKind.UNREACHABLE), 1),
        (FetchError("HTTP 429", kind=FetchErrorKind.STATUS, status=429, retry_after=7), 7),
    ],
)
async def test_an_outage_pauses_all_questions(failure: FetchError, pause: int) -> None:
    clock = Clock()
    fetch = FakeGetSession(session_answer())
    verifier = session_token_verifier(fetch, timer=clock)
    assert await session_outcome(verifier, signed()) == "user-1"
    fetch.failure = failure
    for text in ("a", "b", "c"):
        with pytest.raises(VerifierUnavailableError) as caught:
            await verifier.verify(signed(text))
        assert caught.value.retry_after == pause
    assert len(fetch.asked) == 2
    assert await session_outcome(verifier, signed()) == "user-1"  # an answer that is young enough
    fetch.failure = None
    await clock.advance(pause)
    assert await session_outcome(verifier, signed("b")) is InactiveTokenError


@pytest.mark.parametrize(
    "kind", [FetchErrorKind.TOO_LARGE, FetchErrorKind.TIMEOUT, FetchErrorKind.STATUS]
)
async def test_a_failure_that_one_user_may_cause_does_not_keep_others_out(
    kind: FetchErrorKind,
) -> None:
    fetch = FakeGetSession(session_answer())
    fetch.failure = FetchError("failed", kind=kind, status=500)
    verifier = session_token_verifier(fetch)
    with pytest.raises(VerifierUnavailableError):
        await verifier.verify(signed("mallory"))
    fetch.failure = None
    assert await session_outcome(verifier, signed()) == "user-1"


async def test_an_old_answer_is_not_used_during_an_outage() -> None:
    clock = Clock()
    fetch = FakeGetSession(session_answer())
    verifier = session_token_verifier(fetch, timer=clock, max_age=10)
    assert await session_outcome(verifier, signed()) == "user-1"
    fetch.failure = FetchError("refused", kind=FetchErrorKind.UNREACHABLE)
    await clock.advance(10)
    with pytest.raises(VerifierUnavailableError):
        await verifier.verify(signed())


async def test_a_failure_is_logged_once_in_ten_seconds(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    fetch = FakeGetSession()
    fetch.failure = FetchError("HTTP 500", kind=FetchErrorKind.STATUS, status=500)
    verifier = session_token_verifier(fetch, timer=clock)
    for _ in range(12):
        with pytest.raises(VerifierUnavailableError):
            await verifier.verify(signed())
        await clock.advance(1)
    assert len(caplog.messages) == 2
    assert "doctor" in caplog.messages[0]


def test_the_verifier_works_in_a_new_event_loop_after_a_question_was_cut_off() -> None:
    fetch = FakeGetSession(session_answer())
    verifier = session_token_verifier(fetch, max_age=0)

    async def ask_and_leave() -> None:
        fetch.gate = asyncio.Event()
        asyncio.get_running_loop().create_task(verifier.verify(signed()))
        await asyncio.sleep(0.01)

    asyncio.run(ask_and_leave())
    fetch.gate = asyncio.Event()
    fetch.gate.set()
    assert asyncio.run(session_outcome(verifier, signed())) == "user-1"
