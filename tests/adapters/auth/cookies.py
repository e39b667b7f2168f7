"""Makes session cookies for a clock that shows `NOW`, and verifies them."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pytest

from backend.adapters.auth.better_auth.cookie_formats import (
    CompactCookieDecoder,
    CookieDecoder,
    JweCookieDecoder,
    JwtCookieDecoder,
)
from backend.adapters.auth.better_auth.session_cookie import SessionCookieVerifier
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS
from backend.adapters.auth.jwks.key_set import read_key_set
from backend.domain.auth import AuthError, Principal
from backend.testing import session_cookies
from backend.testing.signers import Signer, key_set, signer
from tests.adapters.auth.tokens import ISSUER, NOW, SECRET
from tests.adapters.auth.verifiers import FixedKeys

OLD_SECRET: Final = b"the secret that was shared before the current"
COOKIE_EXPIRY: Final = NOW + session_cookies.COOKIE_LIFETIME
SESSION_EXPIRY: Final = NOW + session_cookies.SESSION_LIFETIME

T = TypeVar("T")


def session_data(
    *,
    session: Mapping[str, Any] | None = None,
    user: Mapping[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Return the content of a session cookie, with some members changed."""
    session = {"userId": "user-1", **(session or {})}
    user = {"name": "Alice", "email": "alice@example.com", **(user or {})}
    return session_cookies.session_data(now=NOW, session=session, user=user, **changes)


def compact_cookie(
    data: Mapping[str, Any] | bytes | None = None,
    *,
    end: object = COOKIE_EXPIRY,
    secret: bytes = SECRET,
    signature: str | None = None,
) -> str:
    data = session_data() if data is None else data
    return session_cookies.compact_cookie(data, end=end, secret=secret, signature=signature)


def jwt_cookie(
    data: Mapping[str, Any] | bytes | None = None,
    *,
    end: object = COOKIE_EXPIRY,
    secret: bytes = SECRET,
    header: Mapping[str, Any] | None = None,
) -> str:
    data = session_data() if data is None else data
    return session_cookies.jwt_cookie(data, start=NOW, end=end, secret=secret, header=header)


def jwks_cookie(
    data: Mapping[str, Any] | bytes | None = None,
    *,
    end: object = COOKIE_EXPIRY,
    by: Signer | None = None,
    header: Mapping[str, Any] | None = None,
) -> str:
    data = session_data() if data is None else data
    if not isinstance(data, bytes):
        data = {"sub": "user-1", **data}
    by = by or signer("EdDSA")
    return session_cookies.jwks_cookie(
        data, start=NOW, end=end, origin=ISSUER, signer=by, header=header
    )


def jwe_cookie(
    data: Mapping[str, Any] | bytes | None = None,
    *,
    end: object = COOKIE_EXPIRY,
    secret: bytes = SECRET,
    salt: bytes = b"better-auth-session",
) -> str:
    data = session_data() if data is None else data
    return session_cookies.jwe_cookie(data, start=NOW, end=end, secret=secret, salt=salt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format of session cookies.

    Attributes:
        make: Makes a cookie from its members or its whole text, and its expiry.
        decoder: Makes a decoder for the format.
    """

    make: Callable[..., str]
    decoder: Callable[[], CookieDecoder]


def jwks_decoder(*signers: Signer) -> JwtCookieDecoder:
    """Make a decoder for cookies that keys of a JWKS sign: by default, an Ed25519 key."""
    keys = FixedKeys(read_key_set(key_set(*(signers or [signer("EdDSA")]))))
    sources = dict.fromkeys(ASYMMETRIC_ALGORITHMS, keys)
    return JwtCookieDecoder.with_jwks(sources, issuers=frozenset({ISSUER}))


FORMATS: Final[Mapping[str, Format]] = {
    "compact": Format(make=compact_cookie, decoder=lambda: CompactCookieDecoder(SECRET)),
    "jwt": Format(make=jwt_cookie, decoder=lambda: JwtCookieDecoder.with_secret(SECRET)),
    "jwks": Format(make=jwks_cookie, decoder=jwks_decoder),
    "jwe": Format(make=jwe_cookie, decoder=lambda: JweCookieDecoder([SECRET, OLD_SECRET])),
}


def cookie_verifier(decoder: CookieDecoder, **options: Any) -> SessionCookieVerifier:
    """Make a verifier whose clock shows `NOW`."""
    return SessionCookieVerifier(decoder, **{"clock": lambda: NOW, **options})


async def verify_cookie(cookie_format: Format, text: str, **options: Any) -> Principal:
    """Verify a cookie. The options are those of `SessionCookieVerifier`."""
    return await cookie_verifier(cookie_format.decoder(), **options).verify(text)


async def assert_cookie_rejected(
    error: type[AuthError], cookie_format: Format, text: str, **options: Any
) -> None:
    """Check that a cookie is rejected with exactly this error."""
    with pytest.raises(error) as caught:
        await verify_cookie(cookie_format, text, **options)
    assert type(caught.value) is error


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits. This takes a tenth of the time of an event loop."""
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    result: T = stop.value.value
    return result
