"""The principal and the tree of authentication errors."""

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
CALLER_CODES = {
    MissingTokenError: "missing_token",
    MalformedAuthorizationError: "malformed_authorization",
    ExpiredTokenError: "token_expired",
    InvalidTokenError: "invalid_token",
}


DOMAIN = AuthError.__module__


def family(error_class: type[AuthError]) -> list[type[AuthError]]:
    """Return a class of the domain and its subclasses in the domain."""
    children = [kind for kind in error_class.__subclasses__() if kind.__module__ == DOMAIN]
    return [error_class, *(error for child in children for error in family(child))]


def test_a_principal_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        PRINCIPAL.user_id = "mallory"  # type: ignore[misc]  # must fail


def test_a_principal_has_only_its_fields() -> None:
    assert not hasattr(PRINCIPAL, "__dict__")
    assert Principal._fields == (
        *("user_id", "expires_at", "email", "name", "roles", "scopes"),
        *("email_verified", "claims", "is_machine"),
    )


def test_principals_are_equal_by_value() -> None:
    twin = Principal(user_id="ada", expires_at=1_767_312_000)
    assert twin == PRINCIPAL
    assert hash(twin) == hash(PRINCIPAL)


def test_a_principal_has_no_roles_or_scopes_by_default() -> None:
    assert (PRINCIPAL.email, PRINCIPAL.name) == (None, None)
    assert PRINCIPAL.roles == PRINCIPAL.scopes == frozenset()
    assert PRINCIPAL.email_verified is False
    assert PRINCIPAL.claims == {}
    assert PRINCIPAL.is_machine is False


def test_the_docstring_warns_of_addresses_that_are_not_verified() -> None:
    assert "must also check `email_verified`" in (Principal.__doc__ or "")


@pytest.mark.parametrize("error_class", family(AuthError))
def test_every_auth_error_has_one_of_four_caller_codes(error_class: type[AuthError]) -> None:
    assert error_class.code in CALLER_CODES.values()
    details = [member.detail for member in CALLER_CODES if member in error_class.__mro__]
    assert [error_class.detail] == (details or [InvalidTokenError.detail])


@pytest.mark.parametrize(("error_class", "code"), CALLER_CODES.items())
def test_subclasses_share_the_code_of_their_family(error_class: type[AuthError], code: str) -> None:
    assert {member.code for member in family(error_class)} == {code}


def test_every_auth_error_has_a_reason_of_its_own() -> None:
    reasons = Counter(error_class.reason for error_class in family(AuthError)[1:])
    assert {reason for reason, count in reasons.items() if count > 1} == set()
    assert all(reason.isidentifier() and reason == reason.lower() for reason in reasons)


def test_details_can_be_quoted_in_a_header() -> None:
    for error_class in family(AuthError):
        assert error_class.detail.isascii()
        assert error_class.detail.isprintable()
        assert not set('"\\') & set(error_class.detail)


def test_the_module_docstring_shows_the_actual_error_tree() -> None:
    lines = [line.split() for line in (auth.__doc__ or "").splitlines() if "Error" in line]
    documented = {words[0]: words[1] for words in lines if len(words) > 1 and "_" in words[1]}
    assert documented == {
        error_class.__name__: error_class.reason for error_class in family(AuthError)[1:]
    }


def test_an_outage_is_not_an_auth_error() -> None:
    assert VerifierUnavailableError.__bases__ == (Exception,)
    common_bases = set(VerifierUnavailableError.__mro__) & set(AuthError.__mro__)
    assert common_bases == {Exception, BaseException, object}


def test_an_outage_says_when_to_retry() -> None:
    assert VerifierUnavailableError("down").retry_after == 1.0
    assert VerifierUnavailableError("down", retry_after=7).retry_after == 7
