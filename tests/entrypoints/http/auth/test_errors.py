"""Required scopes are scope tokens of OAuth, so that a header can quote them."""

import pytest

from backend.entrypoints.http.auth.errors import validate_scopes


def test_scopes_are_kept_in_order_and_once_each() -> None:
    scopes = ["todos:write", "todos:read", "todos:write", "https://api.example.com/a~!#[]"]
    assert validate_scopes(scopes) == ("todos:write", "todos:read", scopes[3])


@pytest.mark.parametrize(
    "scope", ["", " ", "a b", 'a"b', "a\\b", "a\nb", "a\x7f", "\u00e9", "todos:read\n"]
)
def test_a_scope_that_no_token_can_have_is_refused(scope: str) -> None:
    with pytest.raises(ValueError, match="is not a scope") as refusal:
        validate_scopes(["todos:read", scope])
    assert repr(scope) in str(refusal.value)


def test_at_least_one_scope_is_required() -> None:
    with pytest.raises(ValueError, match="at least one scope"):
        validate_scopes([])


def test_a_text_is_not_a_sequence_of_scopes() -> None:
    with pytest.raises(ValueError, match="not the text"):
        validate_scopes("todos:read")
