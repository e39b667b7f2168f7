"""Session cookies of each format: which of them tell whose session it is, and which do not."""

import asyncio
import base64
import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.auth.better_auth.session_cookie import (
    COOKIE_MAX_LENGTH,
    CompactCookie,
    JweCookie,
    JwtCookie,
    SessionCookieVerifier,
)
from backend.adapters.auth.cache import CachedTokenVerifier
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    InactiveTokenError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    InvalidSignatureError,
    MalformedTokenError,
    MissingClaimError,
    Principal,
    UnknownKeyError,
    UnsupportedTokenError,
    VerifierUnavailableError,
)
from tests.adapters.auth.clock import Clock
from tests.adapters.auth.cookies import (
    COOKIE_END,
    FORMATS,
    OLD_SECRET,
    SESSION_END,
    SESSION_TOKEN,
    Format,
    compact_cookie,
    iso,
    jwe_cookie,
    jwks_cookie,
    jwks_opener,
    jwt_cookie,
    session_data,
)
from tests.adapters.auth.issuer import Issuer
from tests.adapters.auth.memory import texts_kept_by
from tests.adapters.auth.tokens import (
    ABSENT,
    ISSUER,
    NOW,
    SECRET,
    b64,
    present,
    secret_signer,
    signer,
    to_json,
    token,
)
from tests.adapters.auth.verifiers import verifier as bearer_verifier

pytestmark = pytest.mark.anyio

STRANGER = b"a secret that is shared with somebody else"
T = TypeVar("T")


@pytest.fixture(params=list(FORMATS.values()), ids=list(FORMATS))
def cookie(request: pytest.FixtureRequest) -> Format:
    """Each format in turn."""
    chosen: Format = request.param
    return chosen


def judge(opens: Any, **said: Any) -> SessionCookieVerifier:
    return SessionCookieVerifier(opens, **{"clock": lambda: NOW, **said})


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what waits for nothing, at a tenth of what an event loop costs."""
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    result: T = end.value.value
    return result


async def accepted(cookie: Format, text: str, **said: Any) -> Principal:
    return await judge(cookie.opens(), **said).verify(text)


async def refused(error: type[AuthError], cookie: Format, text: str, **said: Any) -> None:
    with pytest.raises(error) as caught:
        await accepted(cookie, text, **said)
    assert type(caught.value) is error


# --- Whose session it is ---------------------------------------------------------------------


async def test_a_cookie_tells_whose_session_it_is(cookie: Format) -> None:
    user = {"role": "admin,editor"}
    assert await accepted(cookie, cookie.make(session_data(user=user))) == Principal(
        user_id="user-1",
        email="alice@example.com",
        name="Alice",
        roles=frozenset({"admin", "editor"}),
        expires_at=COOKIE_END,
    )


async def test_a_user_may_have_columns_of_any_name(cookie: Format) -> None:
    columns = {"sub": "somebody", "scope": ["todos"], "exp": 1, "iss": "x", "aud": "y", "cnf": {}}
    principal = await accepted(cookie, cookie.make(session_data(user=columns)))
    assert (principal.user_id, principal.scopes) == ("user-1", frozenset())


@pytest.mark.parametrize("verified", [True, False, None, ABSENT])
async def test_a_users_own_column_grants_no_scope(cookie: Format, verified: object) -> None:
    data = session_data(user={"scope": "todos:write", "emailVerified": verified})
    assert (await accepted(cookie, cookie.make(data))).scopes == frozenset()


@pytest.mark.parametrize("part", ["session", "user"])
@pytest.mark.parametrize("wrong", [ABSENT, None, "user-1", 1, True, [], [{}]])
async def test_a_cookie_without_a_session_or_a_user_is_none(
    cookie: Format, part: str, wrong: object
) -> None:
    data = present({**session_data(), part: wrong})
    await refused(MissingClaimError, cookie, cookie.make(data))


@pytest.mark.parametrize(
    "wrong", [ABSENT, None, 1, True, ["user-1"], {"id": "user-1"}, "", " user-1", "a\n", "x" * 256]
)
async def test_a_user_is_named_by_a_short_printable_string(cookie: Format, wrong: object) -> None:
    data = session_data(user={"id": wrong}, session={"userId": wrong})
    if cookie is FORMATS["jwks"] and wrong is not ABSENT:
        data["sub"] = wrong
    await refused(InvalidClaimError, cookie, cookie.make(data))


@pytest.mark.parametrize("other", [ABSENT, None, "user-2", "USER-1", 1, ["user-1"], ""])
async def test_the_session_is_of_the_user(cookie: Format, other: object) -> None:
    await refused(InvalidClaimError, cookie, cookie.make(session_data(session={"userId": other})))


@pytest.mark.parametrize("other", [None, "user-2", "", 1, ["user-1"]])
async def test_the_subject_is_the_user_if_there_is_one(cookie: Format, other: object) -> None:
    await refused(InvalidClaimError, cookie, cookie.make(session_data(sub=other)))
    await accepted(cookie, cookie.make(session_data(sub="user-1")))


@pytest.mark.parametrize("banned", [True, 1, "false", "", {}])
async def test_who_may_be_banned_is_refused(cookie: Format, banned: object) -> None:
    await refused(InactiveTokenError, cookie, cookie.make(session_data(user={"banned": banned})))
    await accepted(cookie, cookie.make(session_data(user={"banned": False})))


@pytest.mark.parametrize("name", ["email", "name", "role"])
async def test_what_is_said_of_the_user_is_text(cookie: Format, name: str) -> None:
    await refused(InvalidClaimError, cookie, cookie.make(session_data(user={name: 1})))


# --- How long it lasts -----------------------------------------------------------------------


async def test_a_session_ends_when_its_cookie_does_or_before(cookie: Format) -> None:
    for session_end in (COOKIE_END - 60, COOKIE_END - 0.5, COOKIE_END, COOKIE_END + 60):
        data = session_data(session={"expiresAt": iso(session_end)})
        end = (await accepted(cookie, cookie.make(data))).expires_at
        assert end == min(session_end, COOKIE_END)


@pytest.mark.parametrize(("cookie_end", "session_end"), [(NOW, SESSION_END), (SESSION_END, NOW)])
async def test_clocks_may_differ_by_the_leeway_and_no_more(
    cookie: Format, cookie_end: int, session_end: int
) -> None:
    text = cookie.make(session_data(session={"expiresAt": iso(session_end)}), end=cookie_end)
    await accepted(cookie, text, clock=lambda: NOW + 9.9)
    await refused(ExpiredTokenError, cookie, text, clock=lambda: NOW + 10)
    await accepted(cookie, text, clock=lambda: NOW - 0.1, leeway=0)
    await refused(ExpiredTokenError, cookie, text, clock=lambda: NOW, leeway=0)


@pytest.mark.parametrize(
    "wrong",
    [
        *(ABSENT, None, "", "never", 0, SESSION_END * 1000, True, [], {}),
        *("2027-02-30T00:00:00.000Z", "2027-01-15T08:00:00", "2027-01-15", "+010000-01-01T00:00Z"),
        *("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"),
    ],
)
async def test_a_session_whose_end_is_not_known_is_refused(cookie: Format, wrong: object) -> None:
    data = session_data(session={"expiresAt": wrong})
    await refused(InvalidClaimError, cookie, cookie.make(data))


async def test_the_end_of_a_session_may_be_told_in_any_time_zone(cookie: Format) -> None:
    data = session_data(session={"expiresAt": "2027-01-15T10:00:00.000+02:00"})
    end = (await accepted(cookie, cookie.make(data))).expires_at
    assert end == datetime(2027, 1, 15, 8, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("name", ["jwt", "jwks", "jwe"])
@pytest.mark.parametrize(
    ("end", "error"),
    [
        (ABSENT, MissingClaimError),
        *((end, InvalidClaimError) for end in (None, True, str(COOKIE_END), -1, 10**12)),
        ([], InvalidClaimError),
        (0, ExpiredTokenError),
        (NOW - 10, ExpiredTokenError),
    ],
)
async def test_a_cookie_whose_end_is_not_known_is_refused(
    name: str, end: object, error: type[AuthError]
) -> None:
    await refused(error, FORMATS[name], FORMATS[name].make(end=end))


@pytest.mark.parametrize(
    ("milliseconds", "error"),
    [
        *((wrong, MalformedTokenError) for wrong in (b"1e15", b"-1", b"1.5", b'"1"', b"null", b"")),
        *((wrong, MalformedTokenError) for wrong in (b"1800000300000 ", b"01", b"1" * 16)),
        (b"9" * 15, InvalidClaimError),
        (b"0", ExpiredTokenError),
    ],
)
async def test_a_compact_cookie_ends_after_whole_milliseconds(
    milliseconds: bytes, error: type[AuthError]
) -> None:
    session = to_json(session_data())
    signed = session[:-1] + b',"expiresAt":' + milliseconds + b"}"
    await refused(error, FORMATS["compact"], by_parts(session, milliseconds, mac(signed)))


# --- Which version it is of ------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1", ABSENT, None, 2, "", ["2"]])
async def test_a_version_is_required_once_it_is_set(cookie: Format, version: object) -> None:
    text = cookie.make(present({**session_data(), "version": version}))
    await accepted(cookie, text)
    await refused(InvalidClaimError, cookie, text, version="2")
    await accepted(cookie, cookie.make(session_data(version="2")), version="2")


async def test_a_cookie_without_a_version_is_of_the_first(cookie: Format) -> None:
    await accepted(cookie, cookie.make(session_data(version=ABSENT)), version="1")


# --- Who made it -----------------------------------------------------------------------------


@pytest.mark.parametrize("make", [compact_cookie, jwt_cookie])
async def test_a_cookie_by_another_secret_is_refused(make: Callable[..., str]) -> None:
    chosen = next(one for one in FORMATS.values() if one.make is make)
    for secret in (STRANGER, OLD_SECRET, SECRET + b"\n", SECRET[:-1], b""):
        await refused(InvalidSignatureError, chosen, make(secret=secret))


async def test_only_an_encrypted_cookie_may_be_by_the_secret_before() -> None:
    await accepted(FORMATS["jwe"], jwe_cookie(secret=OLD_SECRET))
    for secret in (STRANGER, SECRET + b"\0", b""):
        await refused(UnknownKeyError, FORMATS["jwe"], jwe_cookie(secret=secret))


@pytest.mark.parametrize("salt", [b"better-auth-account", b"", b"better-auth-session "])
async def test_what_is_encrypted_for_another_purpose_is_refused(salt: bytes) -> None:
    await refused(UnknownKeyError, FORMATS["jwe"], jwe_cookie(salt=salt))


async def test_a_cookie_of_another_format_is_refused() -> None:
    for name, cookie in FORMATS.items():
        for other, made in FORMATS.items():
            if other == name:
                await accepted(cookie, made.make())
            else:
                with pytest.raises(AuthError):
                    await accepted(cookie, made.make())


async def test_a_bearer_token_is_no_cookie(cookie: Format) -> None:
    for by in (secret_signer(), signer("EdDSA"), signer("ES256")):
        for kind in (ABSENT, "JWT", "at+jwt", "better-auth.session-cache+jwt"):
            for claims in ({}, {"aud": ABSENT, "iss": ABSENT}):
                with pytest.raises(AuthError):
                    await accepted(cookie, token(by, header={"typ": kind}, claims=claims))


async def test_a_mailed_link_is_no_cookie(cookie: Format) -> None:
    mailed = {"email": "alice@example.com", "iat": NOW, "exp": NOW + 3600}
    change = {**mailed, "updateTo": "mallory@example.com", "requestType": "change-email"}
    for claims in (mailed, change):
        with pytest.raises(AuthError):
            await accepted(cookie, token(secret_signer(), claims=to_json(claims)))
    link = token(secret_signer(), claims=to_json(mailed))
    await refused(MissingClaimError, FORMATS["jwt"], link)


async def test_a_cookie_is_no_bearer_token(cookie: Format) -> None:
    judges = [
        bearer_verifier(secrets=[SECRET]),
        bearer_verifier(secrets=[SECRET], issuers=frozenset(), audiences=frozenset()),
    ]
    for one in judges:
        with pytest.raises(AuthError):
            await one.verify(cookie.make())


async def test_a_cookie_of_the_key_set_is_no_bearer_token_even_of_its_audience() -> None:
    lax = bearer_verifier(audiences=frozenset({"better-auth:session-cache"}))
    with pytest.raises(UnsupportedTokenError):
        await lax.verify(jwks_cookie())


# --- The compact format ----------------------------------------------------------------------


def mac(signed: bytes, secret: bytes = SECRET) -> str:
    return b64(secret_signer(secret).sign(signed))


def by_parts(session: bytes, end: bytes, signature: str) -> str:
    text = b'{"session":%b,"expiresAt":%b,"signature":"%b"}'
    return b64(text % (session, end, signature.encode()))


TEXTS = {
    "numbers that are written in other ways": b'"a":1.0,"b":1e21,"c":1E+2,"d":-0,"e":0.1e-6',
    "escapes": rb'"a":"\u00e9\/\ud83d\ude00\u2028","b":"\u0041","\u0063":"\u007f"',
    "characters beyond ASCII": '"a":"é€😀\u2028","ü":"\u007f"'.encode(),
    "names that mean something elsewhere": b'"__proto__":{"id":"x"},"constructor":1,"toJSON":2',
    "keys in no order": b'"9":1,"b":2,"1":3,"a":4,"":5',
    "white space": b' "a" :\n[ 1 ,\t2 ] ',
    "the end of the text within a string": b'"a":"},\\"expiresAt\\":1","b":"},"',
    "what looks like an end": b'"a":{"b":{"session":{}},"expiresAt":1},"c":[{"signature":"x"}]',
    "a whole signature within a string": b'"a":"},\\"expiresAt\\":1,\\"signature\\":\\"'
    + b"A" * 43
    + b'\\"}"',
}


@pytest.mark.parametrize("extra", TEXTS.values(), ids=TEXTS)
async def test_what_was_signed_is_cut_out_exactly(extra: bytes) -> None:
    plain = to_json(session_data())
    for session in (plain[:-1] + b"," + extra + b"}", b"{" + extra + b"," + plain[1:]):
        text = compact_cookie(session)
        assert (await accepted(FORMATS["compact"], text)).user_id == "user-1"
        changed = session.replace(b"alice@", b"malice@")
        end = b"%d" % (COOKIE_END * 1000)
        signature = mac(session[:-1] + b',"expiresAt":' + end + b"}")
        assert by_parts(session, end, signature) == text
        await refused(InvalidSignatureError, FORMATS["compact"], by_parts(changed, end, signature))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a}:,"{'), inner),
        max_leaves=8,
    ),
    st.booleans(),
)
def test_a_session_may_hold_anything(anything: object, escaped: bool) -> None:
    data = session_data(user={"extra": anything})
    session = json.dumps(data, separators=(",", ":"), ensure_ascii=escaped).encode()
    at_once(accepted(FORMATS["compact"], compact_cookie(session)))


async def test_the_end_of_a_compact_cookie_is_signed() -> None:
    session = to_json(session_data())
    signature = mac(session[:-1] + b',"expiresAt":%d}' % (COOKIE_END * 1000))
    later = b"%d" % (COOKIE_END * 1000 + 1)
    await refused(InvalidSignatureError, FORMATS["compact"], by_parts(session, later, signature))


async def test_a_signature_of_another_text_is_none() -> None:
    session, end = to_json(session_data()), b"%d" % (COOKIE_END * 1000)
    signed = session[:-1] + b',"expiresAt":' + end + b"}"
    others = [
        session,
        b"",
        end,
        SESSION_TOKEN.encode(),
        signed + b"\n",
        signed[:-1],
        b'{"session":%b,"expiresAt":%b}' % (session, end),
        b'{"expiresAt":%b,%b' % (end, session[1:]),
        b64(signed).encode(),
        json.dumps(json.loads(signed)).encode(),
    ]
    for other in others:
        text = by_parts(session, end, mac(other))
        await refused(InvalidSignatureError, FORMATS["compact"], text)
    await accepted(FORMATS["compact"], by_parts(session, end, mac(signed)))


async def test_the_signature_of_a_token_makes_no_cookie() -> None:
    signed_input, _, signature = jwt_cookie().rpartition(".")
    session = to_json(session_data())
    text = by_parts(session, b"%d" % (COOKIE_END * 1000), signature)
    await refused(InvalidSignatureError, FORMATS["compact"], text)
    forged = by_parts(signed_input.encode(), b"1", signature)
    await refused(MalformedTokenError, FORMATS["compact"], forged)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b'{"session":', b'{ "session":'),
        lambda text: text.replace(b'{"session":', b'{"x":1,"session":'),
        lambda text: text.replace(b',"signature"', b', "signature"'),
        lambda text: text.replace(b',"expiresAt":18', b',"expiresAt": 18'),
        lambda text: text + b"\n",
        lambda text: b" " + text,
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text[:-2] + b'=="}',
        lambda text: text[:-3] + b'"}',
        lambda text: text[:-1] + b',"x":1}',
        lambda text: text[:-1] + b',"signature":"x"}',
        lambda text: text.replace(b"signature", b"Signature"),
        lambda text: text[1:],
        lambda text: b"",
        lambda text: b"null",
        lambda text: b"[" + text + b"]",
        lambda text: text.decode().encode("utf-16"),
    ],
)
async def test_another_writing_of_a_compact_cookie_is_malformed(
    change: Callable[[bytes], bytes],
) -> None:
    raw = base64.urlsafe_b64decode(compact_cookie() + "==")
    assert b64(raw) == compact_cookie()
    await refused(MalformedTokenError, FORMATS["compact"], b64(change(raw)))


@pytest.mark.parametrize(
    "session",
    [
        b'{"user":1,"user":2}',
        b"{}",
        b"{x}",
        b'{"expiresAt":1}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b'{"a":NaN}',
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
async def test_a_signed_text_that_is_no_strict_json_is_malformed(session: bytes) -> None:
    signed = session[:-1] + b',"expiresAt":1}'
    await refused(MalformedTokenError, FORMATS["compact"], by_parts(session, b"1", mac(signed)))


@pytest.mark.parametrize(
    "signature", [mac(b"x")[:-1], mac(b"x") + "A", mac(b"x")[:-1] + "B", "", "A" * 42 + "="]
)
async def test_a_signature_has_one_length_and_one_spelling(signature: str) -> None:
    text = compact_cookie(signature=signature)
    await refused(MalformedTokenError, FORMATS["compact"], text)


async def test_a_text_of_many_ends_is_judged_in_no_time() -> None:
    end = b'},"expiresAt":1'
    text = b64(b'{"session":{' + end * ((COOKIE_MAX_LENGTH - 200) * 3 // 4 // len(end)))
    await refused(MalformedTokenError, FORMATS["compact"], text)


# --- The formats that are JWTs ---------------------------------------------------------------


@pytest.mark.parametrize("kind", ["at+jwt", "better-auth.session-cache+jwt", "", 1, None])
async def test_a_cookie_by_the_secret_is_a_plain_jwt(kind: object) -> None:
    await refused(UnsupportedTokenError, FORMATS["jwt"], jwt_cookie(header={"typ": kind}))
    await accepted(FORMATS["jwt"], jwt_cookie(header={"typ": "JWT"}))


@pytest.mark.parametrize("kind", ["at+jwt", "JWT", ABSENT, "", 1])
async def test_a_cookie_by_the_key_set_says_that_it_is_one(kind: object) -> None:
    await refused(UnsupportedTokenError, FORMATS["jwks"], jwks_cookie(header={"typ": kind}))


@pytest.mark.parametrize("name", ["none", "HS384", "HS512", "hs256", "RS256", "EdDSA"])
async def test_a_cookie_by_the_secret_has_one_algorithm(name: str) -> None:
    await refused(InvalidAlgorithmError, FORMATS["jwt"], jwt_cookie(header={"alg": name}))


async def test_a_public_key_is_no_secret() -> None:
    public = to_json(signer("EdDSA").jwk())
    for secret in (public, signer("EdDSA").public["x"].encode(), SECRET):
        text = jwks_cookie(by=secret_signer(secret), header={"kid": "key-1"})
        await refused(InvalidAlgorithmError, FORMATS["jwks"], text)


async def test_a_cookie_by_the_secret_names_no_audience() -> None:
    data = session_data(aud="better-auth:session-cache")
    await refused(InvalidAudienceError, FORMATS["jwt"], jwt_cookie(data))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": ISSUER}, InvalidAudienceError),
        ({"aud": []}, InvalidClaimError),
        ({"aud": ABSENT}, MissingClaimError),
        ({"iss": "https://evil.example.com"}, InvalidIssuerError),
        ({"iss": f"{ISSUER}/"}, InvalidIssuerError),
        ({"iss": ABSENT}, MissingClaimError),
        ({"iss": [ISSUER]}, InvalidIssuerError),
    ],
)
async def test_a_cookie_by_the_key_set_names_its_issuer_and_audience(
    changes: Mapping[str, object], error: type[AuthError]
) -> None:
    usual = {"iss": ISSUER, "aud": "better-auth:session-cache", "sub": "user-1", "exp": COOKIE_END}
    data = {**session_data(), **usual, **changes}
    await refused(error, FORMATS["jwks"], jwks_cookie(to_json(present(data))))


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "ES512", "RS256", "PS256"])
async def test_every_algorithm_of_the_key_set_signs_cookies(algorithm: str) -> None:
    by = signer(algorithm)
    text = jwks_cookie(by=by)
    assert (await judge(jwks_opener(by)).verify(text)).user_id == "user-1"
    with pytest.raises(AuthError):
        await judge(jwks_opener(signer(algorithm, "key-2"))).verify(text)


async def test_a_key_of_the_same_name_is_not_the_same_key() -> None:
    text = jwks_cookie(by=signer("EdDSA", "key-2"), header={"kid": "key-1"})
    await refused(InvalidSignatureError, FORMATS["jwks"], text)


# --- Every format ----------------------------------------------------------------------------


async def test_a_cookie_may_be_as_long_as_ten_chunks_but_no_longer(cookie: Format) -> None:
    long = cookie.make(session_data(user={"name": "x" * 18_000}))
    assert 24_000 < len(long) <= COOKIE_MAX_LENGTH
    await accepted(cookie, long)
    for name in ("x" * 25_000, "x" * 1_000_000):
        with pytest.raises(MalformedTokenError, match="longer than"):
            await accepted(cookie, cookie.make(session_data(user={"name": name})))


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
async def test_a_cookie_has_one_spelling(cookie: Format, change: Callable[[str], str]) -> None:
    with pytest.raises(AuthError):
        await accepted(cookie, change(cookie.make()))


async def test_no_bit_of_a_segment_is_left_over(cookie: Format) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    good = cookie.make()
    for place in [number - 1 for number, one in enumerate(good) if one == "."] + [len(good) - 1]:
        for one in alphabet.replace(good[place], ""):
            with pytest.raises(AuthError):
                await accepted(cookie, good[:place] + one + good[place + 1 :])


GOOD = [(chosen, chosen.make()) for chosen in FORMATS.values()]
PIECES = [piece for _, text in GOOD for piece in text.split(".")]


def opens(cookie: Format, text: str) -> bool:
    """Tell whether a cookie is accepted; nothing but a refusal may come of it if it is not."""
    try:
        at_once(accepted(cookie, text))
    except (AuthError, VerifierUnavailableError):
        return False
    return True


@given(st.sampled_from(GOOD), st.data())
def test_no_changed_cookie_is_accepted(good: tuple[Format, str], data: st.DataObject) -> None:
    cookie, text = good
    place = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 3))
    new = data.draw(st.text(st.characters(codec="ascii") | st.just("\udfff"), max_size=3))
    changed = text[:place] + new + text[place + cut :]
    assert opens(cookie, changed) is (changed == text)


@given(st.sampled_from(GOOD), st.lists(st.sampled_from([*PIECES, "", "e30"]), max_size=6))
def test_no_cookie_made_of_others_is_accepted(good: tuple[Format, str], pieces: list[str]) -> None:
    cookie, text = good
    changed = ".".join(pieces)
    assert opens(cookie, changed) is (changed == text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
PLACES = [
    *(("session", name) for name in ("expiresAt", "userId")),
    *(("user", name) for name in ("id", "email", "name", "role", "banned")),
    *(("", name) for name in ("session", "user", "version", "sub", "exp", "iss", "aud", "iat")),
]


@given(st.sampled_from(list(FORMATS.values())), st.sampled_from(PLACES), VALUES)
def test_nothing_that_is_signed_does_anything_but_fail_or_succeed(
    cookie: Format, place: tuple[str, str], value: object
) -> None:
    part, name = place
    data = session_data(**{part: {name: value}}) if part else {**session_data(), name: value}
    opens(cookie, cookie.make(json.dumps(data).encode()))


# --- What is remembered ----------------------------------------------------------------------


async def test_a_cookie_is_remembered_until_the_session_ends() -> None:
    clock = Clock(NOW)
    inner = judge(CompactCookie(SECRET), clock=clock, leeway=0)
    cached = CachedTokenVerifier(inner, size=10, epoch=lambda: 0, clock=clock)
    text = compact_cookie(session_data(session={"expiresAt": iso(NOW + 60)}))
    first = await cached.verify(text)
    await clock.advance(59)
    assert await cached.verify(text) is first
    await clock.advance(1)
    with pytest.raises(ExpiredTokenError):
        await cached.verify(text)


async def test_a_remembered_cookie_is_forgotten_with_its_key() -> None:
    clock = Clock(NOW)
    issuer = Issuer(clock)
    async with issuer.fetched() as keys:
        opener = JwtCookie.of_jwks({"EdDSA": keys}, issuers=frozenset({ISSUER}))
        inner = judge(opener, clock=clock)
        cached = CachedTokenVerifier(inner, size=10, epoch=keys.epoch, clock=clock)
        text = jwks_cookie()
        first = await cached.verify(text)
        assert await cached.verify(text) is first
        issuer.publish(signer("EdDSA", "key-2"))
        await clock.advance(2)
        await cached.verify(jwks_cookie(by=signer("EdDSA", "key-2")))
        late = asyncio.create_task(cached.verify(text))
        await clock.advance(2)  # the keys are fetched once more for a key that is not there
        with pytest.raises(UnknownKeyError):
            await late


async def test_an_outage_of_the_issuer_is_not_the_cookies_fault() -> None:
    clock = Clock(NOW)
    async with Issuer(clock).keys() as keys:
        opener = JwtCookie.of_jwks({"EdDSA": keys}, issuers=frozenset({ISSUER}))
        assert (await judge(opener, clock=clock).verify(jwks_cookie())).user_id == "user-1"
    with pytest.raises(VerifierUnavailableError):
        await judge(opener, clock=clock).verify(jwks_cookie())


# --- Silence ---------------------------------------------------------------------------------


async def test_no_refusal_says_anything_of_the_session(
    cookie: Format, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    changes: list[dict[str, Any]] = [
        {"session": {"userId": SESSION_TOKEN}},
        {"session": {"expiresAt": SESSION_TOKEN}},
        {"session": {"expiresAt": iso(NOW - 60)}},
        {"user": {"id": f" {SESSION_TOKEN}"}},
        {"user": {"banned": SESSION_TOKEN}},
        {"user": {"email": [SESSION_TOKEN]}},
        {"version": SESSION_TOKEN},
    ]
    texts = [cookie.make(session_data(**change)) for change in changes]
    good = cookie.make()
    texts += [good[:-4], good[5:], good.swapcase(), SESSION_TOKEN, f"{good}.{SESSION_TOKEN}"]
    for text in texts:
        with pytest.raises(AuthError) as caught:
            await accepted(cookie, text, version="1")
        error = caught.value
        context = None if error.__suppress_context__ else error.__context__
        said = f"{error!s} {error!r} {error.__cause__!r} {context!r}"
        assert SESSION_TOKEN not in said
        assert text not in said
        assert SECRET.decode() not in said
    assert caplog.records == []


async def test_nothing_keeps_or_shows_a_session(cookie: Format) -> None:
    opener = cookie.opens()
    inner = judge(opener)
    cached = CachedTokenVerifier(inner, size=10, epoch=lambda: 0, clock=lambda: NOW)
    text = cookie.make()
    principal = await cached.verify(text)
    for thing in (opener, inner, cached, principal):
        for secret in (SESSION_TOKEN, SECRET.decode(), text):
            assert secret not in f"{thing!r} {thing!s}"
    kept = "\n".join(texts_kept_by(cached, principal))
    assert SESSION_TOKEN not in kept
    assert text not in kept


def test_every_secret_makes_a_key_of_its_own() -> None:
    opener = JweCookie([SECRET, OLD_SECRET])
    for secret in (SECRET, OLD_SECRET):
        claims = at_once(opener(jwe_cookie(secret=secret)))
        assert claims["user"]["id"] == "user-1"
