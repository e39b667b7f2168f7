"""Each usual mistake is recognised, and its remedy names what to set or to do."""

from collections.abc import Sequence
from typing import Any

import pytest

from backend.adapters.auth.explain.fetches import of_fetch
from backend.adapters.auth.explain.forms import of_form
from backend.adapters.auth.explain.redaction import quoted
from backend.adapters.auth.explain.remedies import of_error
from backend.adapters.auth.explain.situation import Situation
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.domain.auth import InvalidTokenError, VerifierUnavailableError
from tests.adapters.auth.explain.explainers import JWKS_URL, both, failing, finding
from tests.adapters.auth.issuer import http_error
from tests.adapters.auth.tokens import (
    ABSENT,
    ISSUER,
    NOW,
    SECRET,
    b64,
    secret_signer,
    signer,
    token,
)
from tests.adapters.auth.verifiers import UNSET, policy

pytestmark = pytest.mark.anyio

SIGNED = token()
SESSION_TOKEN = "AKS0ce5SL820JKrTr9k8Ztvl5CXglAXf"
ISO = "2027-01-15T08:00:00Z"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (SESSION_TOKEN, "a session token of Better Auth's"),
        (f"{SESSION_TOKEN}.{'a' * 43}=", "a session token of Better Auth's"),
        (f"{SESSION_TOKEN}.{'a%2B' * 10}%3D", "a session token of Better Auth's"),
        (f"better-auth.session_token={SESSION_TOKEN}", "a cookie"),
        (f"__Secure-better-auth.session_data={SIGNED}; a=b", "a cookie"),
        (b64(b'{"session":{"session":{},"user":{}}}'), "AUTH_COOKIE=compact"),
        ("eyJhbGciOiJkaXIifQ..aaaa.bbbb.cccc", "AUTH_COOKIE=jwe"),
        ("gJ7s0dA-_opaque+token/", "opaque"),
        (f"Bearer {SIGNED}", "no `Bearer`"),
        (f"Authorization: Bearer {SIGNED}", "no `Bearer`"),
        (f'"{SIGNED}"', "no quotes"),
        (f"{SIGNED}'", "no quotes"),
        (SIGNED.replace(".", "\n."), "no white space"),
        (f'{{"token":"{SIGNED}"}}', "its member `token`"),
        ("undefined", "none yet"),
        ("null", "none yet"),
        ("[object Object]", "none yet"),
        ("${TOKEN}", "none yet"),
        ("<your token>", "none yet"),
        (SIGNED.rpartition(".")[0], "cut short"),
        (f"{SIGNED}.x", "cut short"),
        ("", "cut short"),
        (f"{SIGNED}=", "changed on its way"),
        ("e30.e30.AAAA/+==", "changed on its way"),
        ("\ufffd\x00\ufffd", "No token has such characters"),
        ("ключ", "No token has such characters"),
    ],
)
def test_what_is_no_jwt_is_recognised_by_its_looks(sent: str, said: str) -> None:
    assert said in of_form(sent)
    assert SIGNED not in of_form(sent)
    assert SESSION_TOKEN not in of_form(sent)


HS256 = secret_signer()
SECRET_ONLY = {"jwks": False, "secrets": [SECRET], "issuers": UNSET, "audiences": UNSET}
API_AUTH = f"{ISSUER}/api/auth"
SESSION: dict[str, Any] = {"sub": ABSENT, "session": {}, "user": {}}

MISTAKES: list[tuple[str, dict[str, Any], str, str, list[str]]] = [
    ("tutorial with HS256", {}, token(HS256), "signature", ["/api/auth/token", "SECRET"]),
    (
        "secret for Better Auth's own key",
        SECRET_ONLY,
        token(),
        "signature",
        [
            (
                "Signed with EdDSA by Better Auth's own key: set BETTER_AUTH_URL, the secret cannot"
                " verify it."
            )
        ],
    ),
    ("audience of nobody", SECRET_ONLY, token(HS256), "audience", ["URL", "AUTH_AUDIENCE"]),
    ("algorithm left out", {"algorithms": ["ES256"]}, token(), "signature", ["AUTH_ALGORITHMS"]),
    ("key of another algorithm", {}, token(signer("ES256")), "signature", ["AUTH_ALGORITHMS"]),
    ("none", {}, token(header={"alg": "none"}), "signature", ["never signs so", "token"]),
    ("odd algorithm", {}, token(header={"alg": ["x"]}), "signature", ["never signs so"]),
    (
        "rotated secret",
        {"secrets": [b"the new secret that came after it"]},
        token(HS256),
        "signature",
        ["BETTER_AUTH_SECRET ", "BETTER_AUTH_SECRETS=2:new,1:old"],
    ),
    ("forged", {}, token(signature=bytes(64)), "signature", ["BETTER_AUTH_URL", "changed"]),
    ("lost keys", {}, token(signer("EdDSA", "x")), "signature", ["BETTER_AUTH_URL", "sign in"]),
    (
        "key not named",
        {"keys": [signer("EdDSA"), signer("EdDSA", "2")]},
        token(header={"kid": ABSENT}),
        "signature",
        ["`kid`", "/api/auth/token"],
    ),
    (
        "session cookie by the secret",
        {"secrets": [SECRET]},
        token(HS256, claims=SESSION),
        "subject",
        ["AUTH_COOKIE=jwt", "BETTER_AUTH_SECRET"],
    ),
    (
        "session cookie by the key set",
        {},
        token(header={"typ": "better-auth.session-cache+jwt"}),
        "header",
        ["AUTH_COOKIE=jwt", "BETTER_AUTH_URL"],
    ),
    ("logout token", {}, token(header={"typ": "logout+jwt"}), "header", ["/api/auth/token"]),
    ("other type", {}, token(header={"typ": 1}), "header", ["no access token", "/api/auth/token"]),
    ("dpop", {}, token(claims={"cnf": {"jkt": "x"}}), "subject", ["DPoP"]),
    ("mailed link", {}, token(claims={"sub": ABSENT}), "subject", ["mailed", "/api/auth/token"]),
    ("no user", {}, token(claims={"sub": ABSENT, "email": ABSENT}), "subject", ["put `sub` in"]),
    ("user number", {}, token(claims={"sub": 42}), "subject", ["String(user.id)"]),
    ("banned", {}, token(claims={"banned": True}), "user", ["`admin`", "banned"]),
    ("own payload", {}, token(claims={"email": 1}), "user", ["`definePayload`"]),
    ("slash in iss", {}, token(claims={"iss": f"{ISSUER}/"}), "issuer", [f"AUTH_ISSUER={ISSUER}/"]),
    (
        "slash in AUTH_ISSUER",
        {"issuers": frozenset({f"{ISSUER}/"})},
        token(),
        "issuer",
        [f"AUTH_ISSUER={ISSUER},"],
    ),
    (
        "OAuth access token",
        {},
        token(claims={"iss": API_AUTH}),
        "issuer",
        [
            "ends with /api/auth: this is an OAuth access token",
            f"AUTH_ISSUER={API_AUTH}",
            "AUTH_AUDIENCE",
        ],
    ),
    (
        "base path in AUTH_ISSUER",
        {"issuers": frozenset({API_AUTH})},
        token(),
        "issuer",
        ["without /api/auth", f"AUTH_ISSUER={ISSUER}"],
    ),
    (
        "http for https",
        {},
        token(claims={"iss": "http://app.example.com"}),
        "issuer",
        ["http and https", "BETTER_AUTH_URL"],
    ),
    (
        "someone else",
        {},
        token(claims={"iss": "http://127.0.0.1:3000"}),
        "issuer",
        ["localhost is not 127.0.0.1", "BETTER_AUTH_URL", "AUTH_ISSUER"],
    ),
    ("no URL", {}, token(claims={"iss": "http://[x"}), "issuer", ["BETTER_AUTH_URL"]),
    ("list of issuers", {}, token(claims={"iss": [ISSUER]}), "issuer", ["has to be a text"]),
    ("no issuer", {}, token(claims={"iss": ABSENT}), "issuer", ["`iss`", "AUTH_ISSUER"]),
    ("no audience", {}, token(claims={"aud": ABSENT}), "audience", ["`aud`", "AUTH_AUDIENCE"]),
    ("odd audience", {}, token(claims={"aud": [1]}), "audience", ["definePayload"]),
    (
        "id token",
        {},
        token(claims={"aud": "client-1"}),
        "audience",
        [f'The audience is "client-1", and has to be "{ISSUER}"', "AUTH_AUDIENCE", "id token"],
    ),
    (
        "slash in aud",
        {},
        token(claims={"aud": ["x", f"{ISSUER}/"]}),
        "audience",
        ["slash", "AUTH_AUDIENCE"],
    ),
    (
        "audience with its issuer",
        {},
        token(claims={"iss": "http://x", "aud": "http://x"}),
        "audience",
        ["goes with the issuer"],
    ),
    (
        "clock behind",
        {},
        token(claims={"iat": NOW + 120}),
        "times",
        [f"Your clock is 120 s behind the issuer's (here it is {ISO})", "AUTH_LEEWAY"],
    ),
    ("not yet", {}, token(claims={"nbf": NOW + 99, "iat": ABSENT}), "times", ["99 s behind"]),
    (
        "expired",
        {},
        token(claims={"exp": NOW - 90}),
        "times",
        ["ended 90 s ago", "15 minutes", f"here it is {ISO}"],
    ),
    ("milliseconds", {}, token(claims={"exp": NOW * 1000}), "times", ["milliseconds"]),
    ("text for a time", {}, token(claims={"exp": "soon"}), "times", ["not texts"]),
    ("truth for a time", {}, token(claims={"exp": True}), "times", ["definePayload"]),
    ("no end", {}, token(claims={"exp": ABSENT}), "times", ["put `exp` in"]),
    ("too long", {"max_lifetime": 60}, token(), "times", ["AUTH_MAX_LIFETIME allows 60 s"]),
    (
        "length unknown",
        {"max_lifetime": 60},
        token(claims={"iat": ABSENT}),
        "times",
        ["AUTH_MAX_LIFETIME needs `iat`"],
    ),
]


@pytest.mark.parametrize(
    ("configured", "text", "check", "said"),
    [pytest.param(*mistake[1:], id=mistake[0]) for mistake in MISTAKES],
)
async def test_usual_mistakes_are_recognised(
    configured: dict[str, Any], text: str, check: str, said: list[str]
) -> None:
    configured = dict(configured)
    explainer, _ = both(*configured.pop("keys", ()), **configured)
    explained = await explainer.explain(text)
    assert check in failing(explained)
    remedy = finding(explained, check).remedy
    assert remedy is not None
    for words in said:
        assert words in remedy


COOKIES = {
    "by the secret": token(
        HS256, claims={**SESSION, "sub": ABSENT, "iss": ABSENT, "aud": ABSENT, "email": "x@y.z"}
    ),
    "by the key set": token(
        claims={**SESSION, "sub": "user-1", "aud": "better-auth:session-cache"}
    ),
    "by somebody else": token(claims={**SESSION, "iss": "https://other.example"}),
}


@pytest.mark.parametrize("text", COOKIES.values(), ids=COOKIES.keys())
@pytest.mark.parametrize("secrets", [(), (SECRET,)])
async def test_a_session_cookie_is_known_before_its_claims_are_judged(
    text: str, secrets: Sequence[bytes]
) -> None:
    for cookies in ("off", "compact", "jwt"):
        explainer, _ = both(secrets=secrets, cookies=cookies)
        said = await explainer.explain(text)
        remedies = {one.remedy for one in said.findings if one.problem is not None}
        assert len(remedies) == 1
        (remedy,) = remedies
        assert remedy is not None
        assert "This is a session cookie. Send it as a cookie" in remedy
        assert ("AUTH_COOKIE=jwt" in remedy) is (cookies != "jwt")


def test_a_cookie_of_the_accepted_strategy_needs_no_setting() -> None:
    compact, encrypted = b64(b'{"session":{"session":{},"user":{}}}'), "e30..AAAA.AAAA.AAAA"
    assert "AUTH_COOKIE" not in of_form(compact, "compact")
    assert "AUTH_COOKIE" not in of_form(encrypted, "jwe")
    assert "AUTH_COOKIE=jwe" in of_form(encrypted, "compact")


@pytest.mark.parametrize("name", ["alg", "kid", "typ", "iss", "aud", "sub", "exp", "nbf"])
async def test_what_a_terminal_would_obey_is_quoted_as_ascii(name: str) -> None:
    evil = "\x1b[2J\x07\x9b31m\u202eevil\u2066\r\n\x7f\u0430"
    explainer, _ = both()
    for value in (evil, [evil], {evil: evil}):
        text = token(header={name: value}, claims={name: value})
        for one in (await explainer.explain(text)).findings:
            for said in (one.found, one.expected, one.problem, one.remedy):
                assert said is None or (said.isascii() and said.isprintable())
    assert quoted(evil).isprintable()


def situation(**header: Any) -> Situation:
    return Situation(
        header=header, claims={}, policy=policy(), has_secret=False, jwks_url=JWKS_URL, now=NOW
    )


def test_the_remedy_for_an_outage_depends_on_its_cause() -> None:
    error = VerifierUnavailableError("the issuer's keys are unavailable: HTTP 404")
    error.__cause__ = http_error(404)
    remedy = of_error(error, situation())
    assert remedy is not None
    assert "base path" in remedy
    assert "BETTER_AUTH_URL" in remedy
    assert "doctor" in remedy


def test_an_outage_without_a_cause_has_the_remedy_for_an_unreachable_issuer() -> None:
    remedy = of_error(VerifierUnavailableError("no fetch has finished yet"), situation())
    assert remedy is not None
    assert "Start Better Auth" in remedy


def test_for_what_nobody_foresaw_there_is_no_remedy() -> None:
    assert of_error(InvalidTokenError("whatever"), situation()) is None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "base path"),
        (401, "asks for a login"),
        (403, "asks for a login"),
        (429, "rate limit"),
        (500, "proxy"),
        (503, "proxy"),
        (204, "Start Better Auth"),
        (418, "Start Better Auth"),
    ],
)
def test_every_status_of_a_failed_fetch_has_a_remedy(status: int, words: str) -> None:
    assert words in of_fetch(http_error(status))


REMEDIES = {
    FetchErrorKind.REDIRECT: "redirects",
    FetchErrorKind.STATUS: "Start Better Auth",
    FetchErrorKind.NOT_A_KEY_SET: "web page",
    FetchErrorKind.COMPRESSED: "Something else",
    FetchErrorKind.TOO_LARGE: "Something else",
    FetchErrorKind.NO_USABLE_KEY: "keyPairConfig",
    FetchErrorKind.TIMEOUT: "firewall",
    FetchErrorKind.NOT_HTTP: "scheme and the port",
    FetchErrorKind.TLS: "scheme and the port",
    FetchErrorKind.CERTIFICATE: "SSL_CERT_FILE",
    FetchErrorKind.UNREACHABLE: "Start Better Auth",
    FetchErrorKind.UNEXPECTED: "Start Better Auth",
}


@pytest.mark.parametrize("kind", FetchErrorKind)
def test_every_kind_of_failed_fetch_has_a_remedy(kind: FetchErrorKind) -> None:
    assert REMEDIES[kind] in of_fetch(FetchError("the message does not matter", kind=kind))
