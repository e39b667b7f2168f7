"""Attacks with authentic tokens that are not for this API.

RFC 8725, sections 2.7, 2.8, 3.8, 3.9, 3.11 and 3.12.
"""

import pytest

from backend.domain.auth import (
    AuthError,
    InvalidIssuerError,
    UnsupportedTokenError,
)
from backend.testing.encoding import to_json
from tests.adapters.auth.tokens import ISSUER, NOW, SECRET, secret_signer, token
from tests.adapters.auth.verifiers import UNSET, assert_rejected, verifier

pytestmark = pytest.mark.anyio


async def test_rejects_other_issuers_and_audiences() -> None:
    for claims in (
        {"iss": "https://mallory.example"},
        {"aud": "https://mallory.example"},
        {"iss": ISSUER + ".mallory.example"},
        {"aud": [ISSUER + ".mallory.example"]},
        {"iss": ISSUER[:-1]},  # CVE-2024-53861 (PyJWT): a substring was accepted
        {"iss": ""},
        {"aud": ""},
        {"aud": ISSUER[:-1]},
    ):
        with pytest.raises(AuthError):
            await verifier().verify(token(claims=claims))


async def test_rejects_a_list_of_issuers() -> None:
    # CVE-2025-30144 (fast-jwt): a list with the right issuer was accepted.
    for issuer in ([ISSUER], ["https://mallory.example", ISSUER], {ISSUER: True}):
        await assert_rejected(InvalidIssuerError, token(claims={"iss": issuer}))


async def test_rejects_other_token_types_signed_by_the_same_key() -> None:
    for typ in ("logout+jwt", "better-auth.session-cache+jwt", "secevent+jwt", "dpop+jwt"):
        await assert_rejected(UnsupportedTokenError, token(header={"typ": typ}))


async def test_rejects_the_token_of_an_emailed_link() -> None:
    claims = to_json({"email": "admin@example.com", "iat": NOW, "exp": NOW + 3600})
    text = token(secret_signer(), claims=claims)
    with pytest.raises(AuthError):
        await verifier(secrets=[SECRET], issuers=UNSET, audiences=UNSET).verify(text)


async def test_rejects_key_bound_tokens() -> None:
    # CVE-2025-59420 (Authlib) in the header; RFC 9449 in the claims.
    await assert_rejected(UnsupportedTokenError, token(claims={"cnf": {"jkt": "AAAA"}}))
    key_bound = {"crit": ["cnf"], "cnf": {"jkt": "AAAA"}}
    await assert_rejected(UnsupportedTokenError, token(header=key_bound))
