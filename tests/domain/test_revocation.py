"""Which tokens an entry revokes."""

import pytest

from backend.domain.revocation import Revocation, RevocationKind, Revocations, TokenIds

NOW = 1_800_000_000.0
USER = Revocation(kind=RevocationKind.USER, value="ada", issued_before=NOW, expires_at=NOW + 900)
SESSION = Revocation(kind=RevocationKind.SESSION, value="s1", expires_at=NOW + 900)
TOKEN = Revocation(kind=RevocationKind.TOKEN, value="t1", expires_at=NOW + 900)


@pytest.mark.parametrize(
    ("entry", "token", "revoked"),
    [
        (USER, TokenIds("ada", NOW - 60), True),
        (USER, TokenIds("ada", NOW - 0.001), True),
        (USER, TokenIds("ada", NOW), False),
        (USER, TokenIds("ada", NOW + 60), False),
        (USER, TokenIds("ada"), True),  # it does not say when it was issued
        (USER, TokenIds("ADA", NOW - 60), False),
        (USER, TokenIds("bob", NOW - 60, "ada", "ada"), False),
        (SESSION, TokenIds("ada", NOW + 60, "s1"), True),
        (SESSION, TokenIds("bob", None, "s1"), True),  # every token of the session
        (SESSION, TokenIds("ada", NOW, "s2"), False),
        (SESSION, TokenIds("ada", NOW), False),  # it names no session
        (SESSION, TokenIds("s1", NOW, None, "s1"), False),
        (TOKEN, TokenIds("ada", NOW, None, "t1"), True),
        (TOKEN, TokenIds("ada", NOW, "t1"), False),
        (TOKEN, TokenIds("ada", NOW), False),
    ],
)
def test_an_entry_revokes_the_tokens_that_it_names(
    entry: Revocation, token: TokenIds, revoked: bool
) -> None:
    assert Revocations([entry], now=NOW).include(token) is revoked


def test_any_entry_that_names_a_token_revokes_it() -> None:
    revocations = Revocations([USER, SESSION, TOKEN], now=NOW)
    assert revocations.include(TokenIds("ada", NOW + 1, "s1"))
    assert revocations.include(TokenIds("bob", NOW + 1, None, "t1"))
    assert not revocations.include(TokenIds("bob", NOW + 1))


def test_an_entry_ends_when_it_expires() -> None:
    token = TokenIds("ada", NOW - 60)
    assert Revocations([USER], now=NOW + 899).include(token)
    assert not Revocations([USER], now=NOW + 900).include(token)


def test_nothing_is_revoked_without_entries() -> None:
    assert not Revocations([], now=NOW).include(TokenIds("ada"))
