"""Who is calling, and how it can turn out that nobody is."""

from collections import Counter

import pytest

from backend.domain import auth
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    InvalidTokenError,
    MalformedAuthorizationError,
    MissingTokenError,
    Principal,
    VerifierUnavailableError,
)

PRINCIPAL = Principal(user_id="ada", expires_at=1_767_312_000)
CALLERS_CODES = {
    MissingTokenError: "missing_token",
    MalformedAuthorizationError: "malformed_authorization",
    ExpiredTokenError: "token_expired",
    InvalidTokenError: "invalid_token",
}


def family(kind: type[AuthError]) -> list[type[AuthError]]:
    return [kind, *(one for child in kind.__subclasses__() for one in family(child))]


def test_a_principal_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        PRINCIPAL.user_id = "mallory"  # type: ignore[misc]  # the very thing that must fail


def test_a_principal_holds_nothing_but_its_fields() -> None:
    assert not hasattr(PRINCIPAL, "__dict__")
    assert Principal._fields == ("user_id", "expires_at", "email", "name", "roles", "scopes")


def test_principals_are_equal_by_value() -> None:
    twin = Principal(user_id="ada", expires_at=1_767_312_000)
    assert twin == PRINCIPAL
    assert hash(twin) == hash(PRINCIPAL)


def test_a_principal_of_whom_little_is_known_has_no_powers() -> None:
    assert (PRINCIPAL.email, PRINCIPAL.name) == (None, None)
    assert PRINCIPAL.roles == PRINCIPAL.scopes == frozenset()


@pytest.mark.parametrize("kind", family(AuthError))
def test_every_refusal_tells_the_caller_one_of_four_things(kind: type[AuthError]) -> None:
    assert kind.code in CALLERS_CODES.values()
    details = [member.detail for member in CALLERS_CODES if member in kind.__mro__]
    assert [kind.detail] == (details or [InvalidTokenError.detail])


@pytest.mark.parametrize(("kind", "code"), CALLERS_CODES.items())
def test_the_code_is_the_familys(kind: type[AuthError], code: str) -> None:
    assert {member.code for member in family(kind)} == {code}


def test_every_refusal_tells_the_operator_something_else() -> None:
    reasons = Counter(kind.reason for kind in family(AuthError)[1:])
    assert {reason for reason, times in reasons.items() if times > 1} == set()
    assert all(reason.isidentifier() and reason == reason.lower() for reason in reasons)


def test_the_details_can_be_quoted_in_a_header() -> None:
    for kind in family(AuthError):
        assert kind.detail.isascii()
        assert kind.detail.isprintable()
        assert not set('"\\') & set(kind.detail)


def test_the_docstring_draws_the_tree_as_it_is() -> None:
    drawn = [line.split() for line in (auth.__doc__ or "").splitlines() if "Error" in line]
    tree = {words[0]: words[1].rstrip(",") for words in drawn if len(words) > 1 and "_" in words[1]}
    assert tree == {kind.__name__: kind.reason for kind in family(AuthError)[1:]}


def test_an_outage_is_no_kind_of_refusal() -> None:
    assert VerifierUnavailableError.__bases__ == (Exception,)
    shared = set(VerifierUnavailableError.__mro__) & set(AuthError.__mro__)
    assert shared == {Exception, BaseException, object}


def test_an_outage_says_when_to_come_back() -> None:
    assert VerifierUnavailableError("down").retry_after == 1.0
    assert VerifierUnavailableError("down", retry_after=7).retry_after == 7
