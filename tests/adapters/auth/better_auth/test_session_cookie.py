"""The session cookie verifier: users, expiry, versions, caching, and silence about secrets."""

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from backend.adapters.auth.better_auth.cookie_formats import (
    COOKIE_MAX_LENGTH,
    CompactCookieDecoder,
    JwtCookieDecoder,
)
from backend.adapters.auth.cache import CachedTokenVerifier
from backend.adapters.auth.claims import Claims
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    InactiveTokenError,
    InvalidClaimError,
    MalformedTokenError,
    MissingClaimError,
    Principal,
    UnknownKeyError,
    VerifierUnavailableError,
)
from backend.testing.encoding import ABSENT, drop_absent, iso
from backend.testing.session_cookies import SESSION_TOKEN
from backend.testing.signers import signer
from tests.adapters.auth.clock import Clock
from tests.adapters.auth.cookies import (
    COOKIE_EXPIRY,
    FORMATS,
    SESSION_EXPIRY,
    Format,
    assert_cookie_rejected,
    compact_cookie,
    cookie_verifier,
    jwks_cookie,
    session_data,
    verify_cookie,
)
from tests.adapters.auth.issuer import Issuer
from tests.adapters.auth.memory import texts_kept_by
from tests.adapters.auth.tokens import ISSUER, NOW, SECRET

pytestmark = pytest.mark.anyio


async def test_returns_the_user_of_the_session(cookie_format: Format) -> None:
    text = cookie_format.make(session_data(user={"role": "admin,editor"}))
    assert await verify_cookie(cookie_format, text) == Principal(
        user_id="user-1",
        email="alice@example.com",
        name="Alice",
        roles=frozenset({"admin", "editor"}),
        expires_at=COOKIE_EXPIRY,
    )


async def test_user_columns_named_like_claims_have_no_effect(cookie_format: Format) -> None:
    columns = {"sub": "user-2", "scope": ["todos"], "exp": 1, "iss": "x", "aud": "y", "cnf": {}}
    principal = await verify_cookie(cookie_format, cookie_format.make(session_data(user=columns)))
    assert (principal.user_id, principal.scopes) == ("user-1", frozenset())


@pytest.mark.parametrize("verified", [True, False, None, ABSENT])
async def test_a_user_column_named_scope_grants_no_scope(
    cookie_format: Format, verified: object
) -> None:
    data = session_data(user={"scope": "todos:write", "emailVerified": verified})
    assert (await verify_cookie(cookie_format, cookie_format.make(data))).scopes == frozenset()


@pytest.mark.parametrize("part", ["session", "user"])
@pytest.mark.parametrize("value", [ABSENT, None, "user-1", 1, True, [], [{}]])
async def test_requires_a_session_and_a_user(
    cookie_format: Format, part: str, value: object
) -> None:
    data = drop_absent({**session_data(), part: value})
    await assert_cookie_rejected(MissingClaimError, cookie_format, cookie_format.make(data))


@pytest.mark.parametrize(
    "value", [ABSENT, None, 1, True, ["user-1"], {"id": "user-1"}, "", " user-1", "a\n", "x" * 256]
)
async def test_requires_a_user_id_that_is_a_short_printable_string(
    cookie_format: Format, value: object
) -> None:
    data = session_data(user={"id": value}, session={"userId": value})
    if cookie_format is FORMATS["jwks"] and value is not ABSENT:
        data["sub"] = value
    await assert_cookie_rejected(InvalidClaimError, cookie_format, cookie_format.make(data))


@pytest.mark.parametrize("other", [ABSENT, None, "user-2", "USER-1", 1, ["user-1"], ""])
async def test_rejects_a_session_of_another_user(cookie_format: Format, other: object) -> None:
    text = cookie_format.make(session_data(session={"userId": other}))
    await assert_cookie_rejected(InvalidClaimError, cookie_format, text)


@pytest.mark.parametrize("other", [None, "user-2", "", 1, ["user-1"]])
async def test_rejects_a_subject_that_is_not_the_user(cookie_format: Format, other: object) -> None:
    text = cookie_format.make(session_data(sub=other))
    await assert_cookie_rejected(InvalidClaimError, cookie_format, text)
    await verify_cookie(cookie_format, cookie_format.make(session_data(sub="user-1")))


@pytest.mark.parametrize("banned", [True, 1, "false", "", {}])
async def test_rejects_users_who_may_be_banned(cookie_format: Format, banned: object) -> None:
    text = cookie_format.make(session_data(user={"banned": banned}))
    await assert_cookie_rejected(InactiveTokenError, cookie_format, text)
    await verify_cookie(cookie_format, cookie_format.make(session_data(user={"banned": False})))


@pytest.mark.parametrize("ends", ["2026-01-01T00:00:00.000Z", 1_767_225_600_000])
async def test_accepts_users_whose_ban_has_ended(cookie_format: Format, ends: object) -> None:
    text = cookie_format.make(session_data(user={"banned": True, "banExpires": ends}))
    assert (await verify_cookie(cookie_format, text)).user_id == "user-1"


@pytest.mark.parametrize("ends", ["9999-01-01T00:00:00.000Z", 253_370_764_800_000, None, "soon"])
async def test_a_ban_lasts_until_its_expiry(cookie_format: Format, ends: object) -> None:
    text = cookie_format.make(session_data(user={"banned": True, "banExpires": ends}))
    await assert_cookie_rejected(InactiveTokenError, cookie_format, text)


async def test_user_details_of_another_type_are_ignored(cookie_format: Format) -> None:
    text = cookie_format.make(session_data(user={"email": 1, "name": [], "role": ["admin", "x"]}))
    principal = await verify_cookie(cookie_format, text)
    assert (principal.email, principal.name) == (None, None)
    assert principal.roles == {"admin", "x"}


async def test_a_lone_surrogate_in_any_field_is_accepted(cookie_format: Format) -> None:
    user = {"name": "Ada \ud83d", "bio": "\udc00", "role": "\ud83d", "\ud83d": ["\ud83d"]}
    members: dict[str, Any] = {"iat": NOW, "exp": COOKIE_EXPIRY}
    if cookie_format is FORMATS["jwks"]:
        members |= {"iss": ISSUER, "aud": "better-auth:session-cache", "sub": "user-1"}
    data = session_data(user=user, session={"userAgent": "\ud83d"}, **members)
    # Like JSON.stringify, this escapes lone surrogates.
    text = json.dumps(data, separators=(",", ":")).encode()
    principal = await verify_cookie(cookie_format, cookie_format.make(text))
    assert (principal.user_id, principal.email) == ("user-1", "alice@example.com")
    assert (principal.name, principal.roles) == (None, frozenset())


@pytest.mark.parametrize("verified", [True, False])
async def test_reports_whether_the_address_is_verified(
    cookie_format: Format, *, verified: bool
) -> None:
    text = cookie_format.make(session_data(user={"emailVerified": verified}))
    assert (await verify_cookie(cookie_format, text)).email_verified is verified


async def test_the_mapping_receives_the_fields_of_the_session(cookie_format: Format) -> None:
    seen: list[Claims] = []

    def to_principal(claims: Claims, expires_at: float) -> Principal:
        seen.append(claims)
        return Principal(claims["sub"], expires_at)

    identity = {"role": "admin", "email": "x@y.z", "name": "X", "banned": True, "sub": "user-2"}
    facts = {"activeOrganizationId": "org-1", "impersonatedBy": "admin-1", "scope": "all"}
    session = {**identity, **facts}
    data = session_data(session=session, user={"name": "Alice", "email": ABSENT})
    text = cookie_format.make(data)
    principal = await verify_cookie(cookie_format, text, to_principal=to_principal)
    assert principal.user_id == "user-1"
    (claims,) = seen
    assert claims["activeOrganizationId"] == "org-1"
    assert claims["impersonatedBy"] == "admin-1"
    assert (claims["id"], claims["name"], claims["scope"]) == ("user-1", "Alice", None)
    assert {"role", "email", "banned", "token"}.isdisjoint(claims)
    assert SESSION_TOKEN not in str(claims)


async def test_expires_with_the_cookie_or_the_session(cookie_format: Format) -> None:
    for session_expiry in (
        COOKIE_EXPIRY - 60,
        COOKIE_EXPIRY - 0.5,
        COOKIE_EXPIRY,
        COOKIE_EXPIRY + 60,
    ):
        data = session_data(session={"expiresAt": iso(session_expiry)})
        principal = await verify_cookie(cookie_format, cookie_format.make(data))
        assert principal.expires_at == min(session_expiry, COOKIE_EXPIRY)


@pytest.mark.parametrize(
    ("cookie_expiry", "session_expiry"), [(NOW, SESSION_EXPIRY), (SESSION_EXPIRY, NOW)]
)
async def test_expiry_allows_for_the_leeway(
    cookie_format: Format, cookie_expiry: int, session_expiry: int
) -> None:
    text = cookie_format.make(
        session_data(session={"expiresAt": iso(session_expiry)}), end=cookie_expiry
    )
    await verify_cookie(cookie_format, text, clock=lambda: NOW + 9.9)
    await assert_cookie_rejected(ExpiredTokenError, cookie_format, text, clock=lambda: NOW + 10)
    await verify_cookie(cookie_format, text, clock=lambda: NOW - 0.1, leeway=0)
    await assert_cookie_rejected(
        ExpiredTokenError, cookie_format, text, clock=lambda: NOW, leeway=0
    )


@pytest.mark.parametrize(
    "value",
    [
        *(ABSENT, None, "", "never", 0, SESSION_EXPIRY * 1000, True, [], {}),
        *("2027-02-30T00:00:00.000Z", "2027-01-15T08:00:00", "2027-01-15", "+010000-01-01T00:00Z"),
        *("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"),
    ],
)
async def test_rejects_a_session_without_a_valid_expiry(
    cookie_format: Format, value: object
) -> None:
    data = session_data(session={"expiresAt": value})
    await assert_cookie_rejected(InvalidClaimError, cookie_format, cookie_format.make(data))


async def test_the_session_expiry_may_be_in_any_time_zone(cookie_format: Format) -> None:
    data = session_data(session={"expiresAt": "2027-01-15T10:00:00.000+02:00"})
    principal = await verify_cookie(cookie_format, cookie_format.make(data))
    assert principal.expires_at == datetime(2027, 1, 15, 8, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("name", ["jwt", "jwks", "jwe"])
@pytest.mark.parametrize(
    ("end", "error"),
    [
        (ABSENT, MissingClaimError),
        *((end, InvalidClaimError) for end in (None, True, str(COOKIE_EXPIRY), -1, 10**12)),
        ([], InvalidClaimError),
        (0, ExpiredTokenError),
        (NOW - 10, ExpiredTokenError),
    ],
)
async def test_rejects_a_cookie_without_a_valid_expiry(
    name: str, end: object, error: type[AuthError]
) -> None:
    await assert_cookie_rejected(error, FORMATS[name], FORMATS[name].make(end=end))


@pytest.mark.parametrize("version", ["1", ABSENT, None, 2, "", ["2"]])
async def test_requires_the_configured_version(cookie_format: Format, version: object) -> None:
    text = cookie_format.make(drop_absent({**session_data(), "version": version}))
    await verify_cookie(cookie_format, text)
    await assert_cookie_rejected(InvalidClaimError, cookie_format, text, version="2")
    await verify_cookie(cookie_format, cookie_format.make(session_data(version="2")), version="2")


async def test_a_cookie_without_a_version_has_version_1(cookie_format: Format) -> None:
    text = cookie_format.make(session_data(version=ABSENT))
    await verify_cookie(cookie_format, text, version="1")


async def test_accepts_cookies_of_ten_chunks_and_rejects_longer_cookies(
    cookie_format: Format,
) -> None:
    long = cookie_format.make(session_data(user={"name": "x" * 18_000}))
    assert 24_000 < len(long) <= COOKIE_MAX_LENGTH
    await verify_cookie(cookie_format, long)
    for name in ("x" * 25_000, "x" * 1_000_000):
        too_long = cookie_format.make(session_data(user={"name": name}))
        with pytest.raises(MalformedTokenError, match="longer than"):
            await verify_cookie(cookie_format, too_long)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "=",
        lambda text: text + "==",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: f'"{text}"',
        lambda text: text[:20] + "\n" + text[20:],
        lambda text: text[:20] + "%20" + text[20:],
        lambda text: text[:20] + "é" + text[20:],
        lambda text: text[:20] + "\ud800" + text[20:],
        lambda text: text[:20] + "\0" + text[20:],
        lambda text: text + ".",
        lambda text: "." + text,
        lambda text: text + text,
        lambda text: text.swapcase(),
        lambda text: text[:-1],
        lambda text: text[1:],
        lambda text: "",
    ],
)
async def test_rejects_other_spellings_of_a_cookie(
    cookie_format: Format, change: Callable[[str], str]
) -> None:
    with pytest.raises(AuthError):
        await verify_cookie(cookie_format, change(cookie_format.make()))


async def test_rejects_changes_to_the_last_character_of_a_segment(cookie_format: Format) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    valid = cookie_format.make()
    dots = [index for index, character in enumerate(valid) if character == "."]
    for last in [*(dot - 1 for dot in dots), len(valid) - 1]:
        for character in alphabet.replace(valid[last], ""):
            with pytest.raises(AuthError):
                await verify_cookie(cookie_format, valid[:last] + character + valid[last + 1 :])


async def test_a_cookie_is_cached_until_the_session_expires() -> None:
    clock = Clock(NOW)
    inner = cookie_verifier(CompactCookieDecoder(SECRET), clock=clock, leeway=0)
    cached = CachedTokenVerifier(inner, size=10, epoch=lambda: 0, clock=clock)
    text = compact_cookie(session_data(session={"expiresAt": iso(NOW + 60)}))
    first = await cached.verify(text)
    await clock.advance(59)
    assert await cached.verify(text) is first
    await clock.advance(1)
    with pytest.raises(ExpiredTokenError):
        await cached.verify(text)


async def test_a_cached_cookie_is_evicted_when_its_key_is_withdrawn() -> None:
    clock = Clock(NOW)
    issuer = Issuer(clock)
    async with issuer.fetched() as keys:
        decoder = JwtCookieDecoder.with_jwks({"EdDSA": keys}, issuers=frozenset({ISSUER}))
        inner = cookie_verifier(decoder, clock=clock)
        cached = CachedTokenVerifier(inner, size=10, epoch=keys.epoch, clock=clock)
        text = jwks_cookie()
        first = await cached.verify(text)
        assert await cached.verify(text) is first
        issuer.publish(signer("EdDSA", "key-2"))
        await clock.advance(2)
        await cached.verify(jwks_cookie(by=signer("EdDSA", "key-2")))
        verifying = asyncio.create_task(cached.verify(text))
        await clock.advance(2)  # the unknown kid causes one more fetch of the keys
        with pytest.raises(UnknownKeyError):
            await verifying


async def test_an_outage_of_the_issuer_is_not_an_auth_error() -> None:
    clock = Clock(NOW)
    async with Issuer(clock).keys() as keys:
        decoder = JwtCookieDecoder.with_jwks({"EdDSA": keys}, issuers=frozenset({ISSUER}))
        verifier = cookie_verifier(decoder, clock=clock)
        assert (await verifier.verify(jwks_cookie())).user_id == "user-1"
    with pytest.raises(VerifierUnavailableError):
        await verifier.verify(jwks_cookie())


async def test_rejections_reveal_nothing_about_the_session(
    cookie_format: Format, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    changes: list[dict[str, Any]] = [
        {"session": {"userId": SESSION_TOKEN}},
        {"session": {"expiresAt": SESSION_TOKEN}},
        {"session": {"expiresAt": iso(NOW - 60)}},
        {"user": {"id": f" {SESSION_TOKEN}"}},
        {"user": {"banned": SESSION_TOKEN}},
        {"version": SESSION_TOKEN},
    ]
    texts = [cookie_format.make(session_data(**change)) for change in changes]
    valid = cookie_format.make()
    texts += [valid[:-4], valid[5:], valid.swapcase(), SESSION_TOKEN, f"{valid}.{SESSION_TOKEN}"]
    for text in texts:
        with pytest.raises(AuthError) as caught:
            await verify_cookie(cookie_format, text, version="1")
        error = caught.value
        context = None if error.__suppress_context__ else error.__context__
        output = f"{error!s} {error!r} {error.__cause__!r} {context!r}"
        assert SESSION_TOKEN not in output
        assert text not in output
        assert SECRET.decode() not in output
    assert caplog.records == []


async def test_ignored_details_reveal_nothing_about_the_session(
    cookie_format: Format, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    text = cookie_format.make(session_data(user={"email": [SESSION_TOKEN]}))
    await verify_cookie(cookie_format, text)
    (record,) = caplog.records
    assert "email" in record.getMessage()
    assert SESSION_TOKEN not in record.getMessage()


async def test_no_object_keeps_or_shows_a_session(cookie_format: Format) -> None:
    decoder = cookie_format.decoder()
    inner = cookie_verifier(decoder)
    cached = CachedTokenVerifier(inner, size=10, epoch=lambda: 0, clock=lambda: NOW)
    text = cookie_format.make()
    principal = await cached.verify(text)
    for value in (decoder, inner, cached, principal):
        for secret in (SESSION_TOKEN, SECRET.decode(), text):
            assert secret not in f"{value!r} {value!s}"
    kept = "\n".join(texts_kept_by(cached, principal))
    assert SESSION_TOKEN not in kept
    assert text not in kept
