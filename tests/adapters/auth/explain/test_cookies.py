"""A session cookie in JWT format that was sent as a bearer token is recognized."""

from collections.abc import Sequence
from typing import Any

import pytest

from backend.testing.encoding import ABSENT
from tests.adapters.auth.explain.explainers import Mistake, assert_remedy, make_explainer
from tests.adapters.auth.tokens import SECRET, secret_signer, token

pytestmark = pytest.mark.anyio

SESSION: dict[str, Any] = {"sub": ABSENT, "session": {}, "user": {}}
MISTAKES: list[Mistake] = [
    (
        "signed with the secret",
        {"secrets": [SECRET]},
        token(secret_signer(), claims=SESSION),
        "subject",
        ["AUTH_COOKIE=jwt", "BETTER_AUTH_SECRET"],
    ),
    (
        "signed with a key of the key set",
        {},
        token(header={"typ": "better-auth.session-cache+jwt"}),
        "header",
        ["AUTH_COOKIE=jwt", "BETTER_AUTH_URL"],
    ),
]
COOKIES = {
    "signed with the secret": token(
        secret_signer(),
        claims={**SESSION, "sub": ABSENT, "iss": ABSENT, "aud": ABSENT, "email": "x@y.z"},
    ),
    "signed with a key of the key set": token(
        claims={**SESSION, "sub": "user-1", "aud": "better-auth:session-cache"}
    ),
    "from another issuer": token(claims={**SESSION, "iss": "https://other.example"}),
}


@pytest.mark.parametrize(
    ("configured", "text", "check", "words"),
    [pytest.param(*mistake[1:], id=mistake[0]) for mistake in MISTAKES],
)
async def test_the_remedy_names_the_settings_for_a_session_cookie(
    configured: dict[str, Any], text: str, check: str, words: list[str]
) -> None:
    await assert_remedy(configured, text, check, words)


@pytest.mark.parametrize("text", COOKIES.values(), ids=COOKIES.keys())
@pytest.mark.parametrize("secrets", [(), (SECRET,)])
async def test_every_failed_check_of_a_session_cookie_has_the_same_remedy(
    text: str, secrets: Sequence[bytes]
) -> None:
    for cookies in ("off", "compact", "jwt"):
        explanation = await make_explainer(secrets=secrets, cookies=cookies).explain(text)
        remedies = {
            finding.remedy for finding in explanation.findings if finding.problem is not None
        }
        assert len(remedies) == 1
        (remedy,) = remedies
        assert remedy is not None
        assert "This is a session cookie. Send it as a cookie" in remedy
        assert ("AUTH_COOKIE=jwt" in remedy) is (cookies != "jwt")
