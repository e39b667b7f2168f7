"""The usual mistakes in claims are recognized, and each has a remedy."""

from typing import Any

import pytest

from backend.testing.encoding import ABSENT
from tests.adapters.auth.explain.explainers import JWKS_URL, Mistake, assert_remedy
from tests.adapters.auth.tokens import ISSUER, NOW, SECRET, secret_signer, token
from tests.adapters.auth.verifiers import UNSET

pytestmark = pytest.mark.anyio

API_AUTH = f"{ISSUER}/api/auth"
NOW_UTC = "2027-01-15T08:00:00Z"

SUBJECT: list[Mistake] = [
    ("mailed link", {}, token(claims={"sub": ABSENT}), "subject", ["mailed", "/api/auth/token"]),
    ("no user", {}, token(claims={"sub": ABSENT, "email": ABSENT}), "subject", ["Add `sub`"]),
    ("number as user id", {}, token(claims={"sub": 42}), "subject", ["String(user.id)"]),
    (
        "invalid token id",
        {"max_lifetime": 60},
        token(claims={"jti": 1}),
        "subject",
        ["Fix `jti`", "`definePayload`"],
    ),
    ("list as token id", {}, token(claims={"jti": []}), "subject", ["`jti`", "`definePayload`"]),
    ("object as user id", {}, token(claims={"sub": {}}), "subject", ["String(user.id)"]),
]
ISSUERS: list[Mistake] = [
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
        token(header={"typ": "at+jwt"}, claims={"iss": API_AUTH, "aud": "https://api.example.com"}),
        "issuer",
        ["This is an OAuth access token", "AUTH_RESOURCE", '"https://api.example.com"'],
    ),
    (
        "audience of an OAuth access token",
        {},
        token(header={"typ": "at+jwt"}, claims={"iss": API_AUTH, "aud": "https://api.example.com"}),
        "audience",
        ["This is an OAuth access token", "set AUTH_RESOURCE to its audience"],
    ),
    (
        "ID token",
        {},
        token(claims={"iss": API_AUTH, "aud": "client-1"}),
        "issuer",
        ["ends with /api/auth", "this is an ID token"],
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
        ["http and https", "BETTER_AUTH_URL=http://app.example.com,", "AUTH_JWKS_URL"],
    ),
    (
        "another issuer",
        {},
        token(claims={"iss": "http://127.0.0.1:3000"}),
        "issuer",
        [
            f"A key of {JWKS_URL} signed this token",
            "BETTER_AUTH_URL=http://127.0.0.1:3000,",
            f"AUTH_JWKS_URL={JWKS_URL},",
        ],
    ),
    (
        "another issuer, whose key set is not configured",
        {"jwks": False, "secrets": [SECRET]},
        token(secret_signer(), claims={"iss": "http://127.0.0.1:3000"}),
        "issuer",
        ["localhost is not 127.0.0.1", "BETTER_AUTH_URL", "AUTH_JWKS_URL", "AUTH_ISSUER"],
    ),
    (
        "another issuer, and a signature that is invalid",
        {},
        token(claims={"iss": "http://127.0.0.1:3000"}, signature=bytes(64)),
        "issuer",
        ["localhost is not 127.0.0.1", "BETTER_AUTH_URL", "AUTH_ISSUER"],
    ),
    ("invalid URL", {}, token(claims={"iss": "http://[x"}), "issuer", ["BETTER_AUTH_URL"]),
    ("list of issuers", {}, token(claims={"iss": [ISSUER]}), "issuer", ["must be a string"]),
    ("no issuer", {}, token(claims={"iss": ABSENT}), "issuer", ["`iss`", "AUTH_ISSUER"]),
]
AUDIENCES: list[Mistake] = [
    (
        "no configured audience",
        {"jwks": False, "secrets": [SECRET], "issuers": UNSET, "audiences": UNSET},
        token(secret_signer()),
        "audience",
        ["URL", "AUTH_AUDIENCE"],
    ),
    ("no audience", {}, token(claims={"aud": ABSENT}), "audience", ["`aud`", "AUTH_AUDIENCE"]),
    ("invalid audience", {}, token(claims={"aud": [1]}), "audience", ["`aud`", "definePayload"]),
    (
        "ID token",
        {},
        token(claims={"aud": "client-1"}),
        "audience",
        [f'The audience is "client-1", but must be "{ISSUER}"', "AUTH_AUDIENCE", "ID token"],
    ),
    (
        "slash in aud",
        {},
        token(claims={"aud": ["x", f"{ISSUER}/"]}),
        "audience",
        ["slash", f'AUTH_AUDIENCE to "{ISSUER}/"'],
    ),
    (
        "public address in AUTH_ISSUER only",
        {"issuers": frozenset({"http://localhost:3000"})},
        token(claims={"iss": "http://localhost:3000", "aud": "http://localhost:3000"}),
        "audience",
        ["BETTER_AUTH_URL=http://localhost:3000 ", f"AUTH_JWKS_URL={JWKS_URL},", "unset AUTH_IS"],
    ),
    (
        "audience of another issuer",
        {},
        token(claims={"iss": "http://x", "aud": "http://x"}),
        "audience",
        ["equals the issuer"],
    ),
]
TIMES: list[Mistake] = [
    (
        "slow clock",
        {},
        token(claims={"iat": NOW + 120}),
        "times",
        [f"Your clock is 120 s behind the issuer's (here it is {NOW_UTC})", "AUTH_LEEWAY"],
    ),
    ("not yet", {}, token(claims={"nbf": NOW + 99, "iat": ABSENT}), "times", ["99 s behind"]),
    (
        "expired",
        {},
        token(claims={"exp": NOW - 90}),
        "times",
        ["expired 90 s ago", "15 minutes", f"here it is {NOW_UTC}"],
    ),
    ("milliseconds", {}, token(claims={"exp": NOW * 1000}), "times", ["milliseconds"]),
    ("string as time", {}, token(claims={"exp": "soon"}), "times", ["not strings"]),
    ("boolean as time", {}, token(claims={"exp": True}), "times", ["`exp`", "definePayload"]),
    ("no expiry", {}, token(claims={"exp": ABSENT}), "times", ["Add `exp`"]),
    (
        "too long a lifetime",
        {"max_lifetime": 60},
        token(),
        "times",
        ["AUTH_MAX_LIFETIME allows 60 s"],
    ),
    (
        "boolean as time, with a maximum lifetime",
        {"max_lifetime": 60},
        token(claims={"exp": True}),
        "times",
        ["Fix `exp`", "definePayload"],
    ),
    (
        "unknown lifetime",
        {"max_lifetime": 60},
        token(claims={"iat": ABSENT}),
        "times",
        ["AUTH_MAX_LIFETIME needs `iat`"],
    ),
]


@pytest.mark.parametrize(
    ("configured", "text", "check", "words"),
    [
        pytest.param(*mistake[1:], id=mistake[0])
        for mistake in (*SUBJECT, *ISSUERS, *AUDIENCES, *TIMES)
    ],
)
async def test_recognizes_the_usual_mistakes_in_claims(
    configured: dict[str, Any], text: str, check: str, words: list[str]
) -> None:
    await assert_remedy(configured, text, check, words)
