"""The usual mistakes are recognized, and each has a remedy."""

from typing import Any

import pytest

from backend.adapters.auth.explain.context import TokenContext
from backend.adapters.auth.explain.remedies import error_remedy
from backend.adapters.auth.redaction.values import quoted
from backend.domain.auth import InvalidTokenError, VerifierUnavailableError
from backend.testing.encoding import ABSENT
from backend.testing.signers import signer
from tests.adapters.auth.explain.explainers import (
    JWKS_URL,
    Mistake,
    assert_remedy,
    make_explainer,
)
from tests.adapters.auth.issuer import http_error
from tests.adapters.auth.tokens import NOW, SECRET, secret_signer, token
from tests.adapters.auth.verifiers import UNSET, policy

pytestmark = pytest.mark.anyio

HS256 = secret_signer()
CONTEXT = TokenContext(
    header={}, claims={}, policy=policy(), has_secret=False, jwks_url=JWKS_URL, now=NOW
)

MISTAKES: list[Mistake] = [
    ("tutorial with HS256", {}, token(HS256), "signature", ["/api/auth/token", "SECRET"]),
    (
        "secret for Better Auth's own key",
        {"jwks": False, "secrets": [SECRET], "issuers": UNSET, "audiences": UNSET},
        token(),
        "signature",
        [
            (
                "signed with EdDSA, by Better Auth's own key. Set BETTER_AUTH_URL: the secret"
                " cannot verify it."
            )
        ],
    ),
    (
        "HS256 beside session cookies",
        {"secrets": [SECRET], "cookies": "jwe", "algorithms": ["EdDSA"], "cookies_only": True},
        token(HS256),
        "signature",
        ["verifies sessions only", "list HS256 and", "AUTH_ALGORITHMS"],
    ),
    ("algorithm left out", {"algorithms": ["ES256"]}, token(), "signature", ["AUTH_ALGORITHMS"]),
    ("key of another algorithm", {}, token(signer("ES256")), "signature", ["AUTH_ALGORITHMS"]),
    (
        "algorithm none",
        {},
        token(header={"alg": "none"}),
        "signature",
        ["never uses this algorithm", "token"],
    ),
    (
        "invalid algorithm",
        {},
        token(header={"alg": ["x"]}),
        "signature",
        ["never uses this algorithm"],
    ),
    (
        "rotated secret",
        {"secrets": [b"the new secret that came after it"]},
        token(HS256),
        "signature",
        ["BETTER_AUTH_SECRET ", "BETTER_AUTH_SECRETS=2:new,1:old"],
    ),
    ("forged", {}, token(signature=bytes(64)), "signature", ["BETTER_AUTH_URL", "changed"]),
    ("lost keys", {}, token(signer("EdDSA", "x")), "signature", ["BETTER_AUTH_URL", "Sign in"]),
    (
        "no key id",
        {"keys": [signer("EdDSA"), signer("EdDSA", "2")]},
        token(header={"kid": ABSENT}),
        "signature",
        ["`kid`", "/api/auth/token"],
    ),
    ("logout token", {}, token(header={"typ": "logout+jwt"}), "header", ["/api/auth/token"]),
    (
        "other type",
        {},
        token(header={"typ": 1}),
        "header",
        ["not an access token", "/api/auth/token"],
    ),
    ("DPoP", {}, token(claims={"cnf": {"jkt": "x"}}), "subject", ["DPoP"]),
    ("banned user", {}, token(claims={"banned": True}), "user", ["`admin`", "banned"]),
]


@pytest.mark.parametrize(
    ("configured", "text", "check", "words"),
    [pytest.param(*mistake[1:], id=mistake[0]) for mistake in MISTAKES],
)
async def test_recognizes_the_usual_mistakes(
    configured: dict[str, Any], text: str, check: str, words: list[str]
) -> None:
    await assert_remedy(configured, text, check, words)


@pytest.mark.parametrize("name", ["alg", "kid", "typ", "iss", "aud", "sub", "exp", "nbf"])
async def test_control_characters_of_a_token_are_escaped(name: str) -> None:
    escape = "\x1b[2J\x07\x9b31m\u202eevil\u2066\r\n\x7f\u0430"
    explainer = make_explainer()
    for value in (escape, [escape], {escape: escape}):
        text = token(header={name: value}, claims={name: value})
        for finding in (await explainer.explain(text)).findings:
            for message in (finding.found, finding.expected, finding.problem, finding.remedy):
                assert message is None or (message.isascii() and message.isprintable())
    assert quoted(escape).isprintable()


def test_the_remedy_for_an_outage_depends_on_its_cause() -> None:
    error = VerifierUnavailableError("the issuer's keys are unavailable: HTTP 404")
    error.__cause__ = http_error(404)
    remedy = error_remedy(error, CONTEXT)
    assert remedy is not None
    assert "base path" in remedy
    assert "BETTER_AUTH_URL" in remedy
    assert "doctor" in remedy


def test_an_outage_without_a_cause_has_the_remedy_for_an_unreachable_issuer() -> None:
    remedy = error_remedy(VerifierUnavailableError("no fetch has finished yet"), CONTEXT)
    assert remedy is not None
    assert "Start Better Auth" in remedy


def test_an_unexpected_error_has_no_remedy() -> None:
    assert error_remedy(InvalidTokenError("unexpected"), CONTEXT) is None
