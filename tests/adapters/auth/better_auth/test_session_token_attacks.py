"""Attacks with session tokens: a text that the secret did not sign never reaches Better Auth."""

import base64
import hmac
import time
from collections.abc import Sequence
from urllib.parse import quote

import pytest

from backend.adapters.auth.better_auth.bearer_tokens import BearerTokenVerifier
from backend.adapters.auth.better_auth.session_tokens import SessionTokenVerifier
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.domain.auth import (
    AuthError,
    InvalidAlgorithmError,
    InvalidSignatureError,
    InvalidTokenError,
    MalformedTokenError,
    VerifierUnavailableError,
)
from backend.testing.encoding import ABSENT
from tests.adapters.auth.cookies import OLD_SECRET, compact_cookie
from tests.adapters.auth.memory import texts_kept_by
from tests.adapters.auth.sessions import (
    TEXT,
    FakeGetSession,
    session_answer,
    session_outcome,
    session_token_verifier,
    signed,
)
from tests.adapters.auth.tokens import NOW, SECRET, secret_signer, token
from tests.adapters.auth.verifiers import verifier as jwt_verifier

pytestmark = pytest.mark.anyio

SIGNATURE = signed().rpartition(".")[2]


def other_encodings() -> Sequence[str]:
    """Return the right signature, encoded in ways that Better Auth does not use."""
    digest = hmac.digest(SECRET, TEXT.encode(), "sha256")
    last = SIGNATURE[-2]
    same_bits = chr(ord(last) + 1)  # differs in the unused bits only
    return [
        base64.urlsafe_b64encode(digest).decode().rstrip("="),
        digest.hex(),
        SIGNATURE.rstrip("="),
        f"{SIGNATURE}=",
        f"{SIGNATURE[:-2]}{same_bits}=",
        SIGNATURE.swapcase(),
        quote(SIGNATURE, safe=""),
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"{TEXT}.{'A' * 43}=",
        f"{TEXT[:-1]}g.{SIGNATURE}",
        signed(secret=OLD_SECRET),
        signed(secret=b""),
        *(f"{TEXT}.{signature}" for signature in other_encodings()),
    ],
)
async def test_a_forged_signature_never_reaches_better_auth(text: str) -> None:
    fetch = FakeGetSession(session_answer())
    fetch.answers[text] = session_answer()
    outcome = await session_outcome(session_token_verifier(fetch), text)
    assert outcome in {InvalidSignatureError, MalformedTokenError}
    assert fetch.asked == []


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "",
        ".",
        f".{SIGNATURE}",
        signed(""),
        signed("a" * 257),
        signed("a" * 50_000),
        "a" * 50_000,
        signed("a.b"),
        signed("a b"),
        signed("a\r\nX-Admin: 1"),
        f"{signed()}\r\nX-Admin: 1",
        f"{signed()}\n",
        signed("admin:true"),
        signed("caf\u00e9"),
        signed("a\0b"),
        signed("../../token"),
        signed("a%2Eb"),
        f"{signed()}.{SIGNATURE}",
        f" {signed()}",
    ],
)
async def test_other_forms_never_reach_better_auth_even_if_they_are_signed(text: str) -> None:
    fetch = FakeGetSession(session_answer())
    assert await session_outcome(session_token_verifier(fetch), text) is MalformedTokenError
    assert fetch.asked == []


async def test_a_token_without_its_signature_is_refused_with_advice() -> None:
    with pytest.raises(MalformedTokenError, match="set-auth-token") as caught:
        await session_token_verifier(FakeGetSession()).verify(TEXT)
    assert TEXT not in str(caught.value)


@pytest.mark.parametrize("answered", [ABSENT, None, "", TEXT.lower(), f"{TEXT}a", 1, [TEXT], "?"])
async def test_an_answer_about_another_session_is_an_outage(answered: object) -> None:
    fetch = FakeGetSession(session_answer(session={"token": answered}).replace(b"?", rb"\ud83d"))
    with pytest.raises(VerifierUnavailableError, match="another session"):
        await session_token_verifier(fetch).verify(signed())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{}",
        b"true",
        b'"null"',
        b"<html>null</html>",
        b'{"session":null,"user":null}',
        b"[" * 100_000,
        session_answer(session={"expiresAt": ABSENT}),
        session_answer(session={"expiresAt": "soon"}),
        session_answer(session={"expiresAt": (NOW + 60) * 1000}),
        session_answer(user=None)[:-1],
        session_answer().replace(b'"user"', b'"session"'),
        b'{"needsRefresh":true}',
    ],
)
async def test_a_malformed_answer_logs_no_user_out(answer: bytes) -> None:
    with pytest.raises(VerifierUnavailableError) as caught:
        await session_token_verifier(FakeGetSession(answer)).verify(signed())
    assert TEXT not in str(caught.value)


async def test_a_session_of_another_user_is_refused() -> None:
    fetch = FakeGetSession(session_answer(session={"userId": "user-2"}))
    with pytest.raises(InvalidTokenError, match=r"differs from session\.userId"):
        await session_token_verifier(fetch).verify(signed())


async def test_each_verifier_accepts_tokens_of_its_own_form_only() -> None:
    fetch = FakeGetSession(session_answer())
    sessions = session_token_verifier(fetch)
    jwts = jwt_verifier(secrets=[SECRET])
    both = BearerTokenVerifier(jwts, session_tokens=sessions)
    assert (await both.verify(signed())).user_id == "user-1"
    assert (await both.verify(token())).user_id == "user-1"
    assert fetch.asked == [signed()]
    for text in (token(), token(secret_signer()), compact_cookie()):
        assert await session_outcome(sessions, text) is MalformedTokenError
    with pytest.raises(MalformedTokenError):
        await jwts.verify(signed())
    for text in ("", ".", TEXT, "a.b.c", "a.b.c.d.e", "..", f"{signed()}.x", "\u2603"):
        with pytest.raises(AuthError):
            await both.verify(text)
    assert fetch.asked == [signed()]


async def test_the_secret_of_session_tokens_does_not_open_hs256() -> None:
    both = BearerTokenVerifier(
        jwt_verifier(), session_tokens=session_token_verifier(FakeGetSession(session_answer()))
    )
    with pytest.raises(InvalidAlgorithmError):
        await both.verify(token(secret_signer()))


async def shown_by(verifier: SessionTokenVerifier, text: str) -> str:
    """Return what the error of a token shows; nothing if the token is accepted."""
    try:
        await verifier.verify(text)
    except (AuthError, VerifierUnavailableError) as error:
        return f"{error} {error!r} {error.__dict__}"
    return ""


async def test_no_token_is_kept_in_memory_quoted_or_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    fetch = FakeGetSession(session_answer(user={"banned": True}))
    fetch.answers[signed("gone~1")] = b"null"
    fetch.answers[signed("broken~2")] = b"{}"
    fetch.answers[signed("fine~3")] = session_answer("fine~3")
    verifier = session_token_verifier(fetch)
    for text in (TEXT, "gone~1", "broken~2", "fine~3"):
        for _ in range(2):
            shown = await shown_by(verifier, signed(text))
            assert signed(text) not in shown
            assert text not in shown
    assert len(fetch.asked) == 4
    kept = " ".join(texts_kept_by(verifier._answers))  # its questions and answers alone
    for text in (TEXT, "gone~1", "broken~2", "fine~3"):
        assert signed(text) not in kept
        assert signed(text) not in caplog.text
    assert TEXT not in kept + caplog.text
    for answer, _ in verifier._answers._kept.values():  # a traceback would keep the token too
        if isinstance(answer, Exception):
            assert (answer.__traceback__, answer.__context__) == (None, None)


async def test_a_flood_of_forged_tokens_costs_no_question_and_little_time() -> None:
    fetch = FakeGetSession()
    verifier = session_token_verifier(fetch)
    texts = [f"{TEXT[:-4]}{number:04}.{SIGNATURE}" for number in range(2000)]
    started = time.process_time()
    outcomes = {await session_outcome(verifier, text) for text in texts}
    assert time.process_time() - started < 1
    assert outcomes == {InvalidSignatureError}
    assert fetch.asked == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        *((kind, None) for kind in FetchErrorKind if kind is not FetchErrorKind.STATUS),
        *((FetchErrorKind.STATUS, status) for status in (401, 403, 404, 429, 500, 502, 503)),
    ],
)
async def test_no_failure_of_better_auth_logs_a_user_out(
    kind: FetchErrorKind, status: int | None
) -> None:
    fetch = FakeGetSession()
    fetch.failure = FetchError("failed", kind=kind, status=status)
    with pytest.raises(VerifierUnavailableError) as caught:
        await session_token_verifier(fetch).verify(signed())
    assert caught.value.retry_after >= 1
