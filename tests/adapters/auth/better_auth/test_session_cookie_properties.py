"""Properties of session cookies: a changed cookie is rejected, and no other error occurs."""

import json

from hypothesis import given
from hypothesis import strategies as st

from backend.domain.auth import (
    AuthError,
    VerifierUnavailableError,
)
from tests.adapters.auth.cookies import (
    FORMATS,
    Format,
    compact_cookie,
    run_sync,
    session_data,
    verify_cookie,
)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a}:,"{'), inner),
        max_leaves=8,
    ),
    st.booleans(),
)
def test_a_session_may_contain_any_json(extra: object, ensure_ascii: bool) -> None:
    data = session_data(user={"extra": extra})
    session = json.dumps(data, separators=(",", ":"), ensure_ascii=ensure_ascii).encode()
    run_sync(verify_cookie(FORMATS["compact"], compact_cookie(session)))


VALID = [(cookie_format, cookie_format.make()) for cookie_format in FORMATS.values()]
PIECES = [piece for _, text in VALID for piece in text.split(".")]


def is_accepted(cookie_format: Format, text: str) -> bool:
    """Return whether a cookie is accepted. Errors other than rejections fail the test."""
    try:
        run_sync(verify_cookie(cookie_format, text))
    except (AuthError, VerifierUnavailableError):
        return False
    return True


@given(st.sampled_from(VALID), st.data())
def test_rejects_changed_cookies(valid: tuple[Format, str], data: st.DataObject) -> None:
    cookie_format, text = valid
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 3))
    replacement = data.draw(st.text(st.characters(codec="ascii") | st.just("\udfff"), max_size=3))
    changed = text[:start] + replacement + text[start + length :]
    assert is_accepted(cookie_format, changed) is (changed == text)


@given(st.sampled_from(VALID), st.lists(st.sampled_from([*PIECES, "", "e30"]), max_size=6))
def test_rejects_cookies_made_of_parts_of_others(
    valid: tuple[Format, str], pieces: list[str]
) -> None:
    cookie_format, text = valid
    changed = ".".join(pieces)
    assert is_accepted(cookie_format, changed) is (changed == text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
MEMBERS = [
    *(("session", name) for name in ("expiresAt", "userId")),
    *(("user", name) for name in ("id", "email", "name", "role", "banned")),
    *(("", name) for name in ("session", "user", "version", "sub", "exp", "iss", "aud", "iat")),
]


@given(st.sampled_from(list(FORMATS.values())), st.sampled_from(MEMBERS), VALUES)
def test_signed_content_of_any_kind_is_accepted_or_rejected(
    cookie_format: Format, member: tuple[str, str], value: object
) -> None:
    part, name = member
    data = session_data(**{part: {name: value}}) if part else {**session_data(), name: value}
    is_accepted(cookie_format, cookie_format.make(json.dumps(data).encode()))
