"""The ids of tokens in principals, and the verifier that refuses revoked tokens."""

from collections.abc import Mapping
from typing import Any

import pytest

from backend.adapters.auth.better_auth.tokens import to_principal
from backend.adapters.auth.revocation import (
    IdentifiedPrincipal,
    RevocationCheckedTokenVerifier,
    token_ids,
    with_ids,
)
from backend.domain.auth import (
    ExpiredTokenError,
    InactiveTokenError,
    InvalidClaimError,
    MissingClaimError,
    Principal,
    VerifierUnavailableError,
)
from backend.domain.revocation import RevokedTokenError, TokenIds
from backend.testing.fakes import FakeTokenVerifier
from tests.adapters.auth.tokens import NOW, valid_claims

pytestmark = pytest.mark.anyio


class FakeCheck:
    """A check with a fixed answer, which records its calls."""

    def __init__(self, answer: bool | Exception) -> None:
        self.answer = answer
        self.asked: list[TokenIds] = []

    async def is_revoked(self, token: TokenIds, /) -> bool:
        self.asked.append(token)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def map_claims(*, max_lifetime: float | None = None, **changes: Any) -> Principal:
    claims: Mapping[str, Any] = valid_claims(**changes)
    return with_ids(to_principal, max_lifetime=max_lifetime)(claims, claims["exp"])


def test_a_principal_remembers_the_ids_of_its_token() -> None:
    principal = map_claims(sid="s1", jti="t1")
    assert token_ids(principal) == TokenIds("user-1", NOW - 60, "s1", "t1")


def test_a_principal_with_ids_equals_a_principal_without_ids() -> None:
    claims = valid_claims(sid="s1")
    assert map_claims(sid="s1") == to_principal(claims, claims["exp"])
    assert isinstance(map_claims(), Principal)


@pytest.mark.parametrize("value", [None, 7, True, ["s1"], {"id": "s1"}])
def test_ids_of_another_type_are_ignored(value: object) -> None:
    assert token_ids(map_claims(sid=value, jti=value)) == TokenIds("user-1", NOW - 60)


@pytest.mark.parametrize("value", [None, True, "2026-03-04"])
def test_a_time_of_another_type_is_unknown(value: object) -> None:
    assert token_ids(map_claims(iat=value)) == TokenIds("user-1")


def test_a_credential_must_not_outlive_its_revocation() -> None:
    assert token_ids(map_claims(max_lifetime=900)) == TokenIds("user-1", NOW - 60)
    with pytest.raises(InvalidClaimError, match="maximum lifetime"):
        map_claims(max_lifetime=899)
    with pytest.raises(MissingClaimError, match="iat"):
        map_claims(max_lifetime=900, iat=None)


def test_a_principal_of_a_verifier_without_ids_has_a_user_only() -> None:
    assert token_ids(Principal("ada", NOW)) == TokenIds("ada")
    changed = IdentifiedPrincipal("ada", NOW)._replace(user_id="bob")
    assert token_ids(changed) == TokenIds("bob")  # as if the time of issue were unknown


async def test_a_token_that_is_not_revoked_gives_its_principal() -> None:
    ada, check = Principal("ada", NOW), FakeCheck(answer=False)
    verifier = RevocationCheckedTokenVerifier(FakeTokenVerifier({"t": ada}), check)
    assert await verifier.verify("t") is ada
    assert check.asked == [TokenIds("ada")]


async def test_a_revoked_token_is_refused() -> None:
    verifier = RevocationCheckedTokenVerifier(
        FakeTokenVerifier({"secret-token": Principal("ada", NOW)}), FakeCheck(answer=True)
    )
    with pytest.raises(RevokedTokenError) as caught:
        await verifier.verify("secret-token")
    assert isinstance(caught.value, InactiveTokenError)
    assert (caught.value.code, caught.value.reason) == ("invalid_token", "revoked_token")
    assert "secret-token" not in repr(caught.value)


async def test_an_invalid_token_is_refused_before_the_check_is_called() -> None:
    check = FakeCheck(VerifierUnavailableError("down"))
    verifier = RevocationCheckedTokenVerifier(
        FakeTokenVerifier(otherwise=ExpiredTokenError("expired")), check
    )
    with pytest.raises(ExpiredTokenError):
        await verifier.verify("t")
    assert check.asked == []


async def test_a_token_is_not_accepted_while_the_check_is_unavailable() -> None:
    verifier = RevocationCheckedTokenVerifier(
        FakeTokenVerifier({"t": Principal("ada", NOW)}), FakeCheck(VerifierUnavailableError("down"))
    )
    with pytest.raises(VerifierUnavailableError):
        await verifier.verify("t")
