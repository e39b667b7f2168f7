"""Revoked tokens and cookies in a container: cached, with other clocks, with forged ids."""

from contextlib import AsyncExitStack
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from backend.adapters.auth.cache import CachedTokenVerifier
from backend.adapters.auth.pyjwt import JwtTokenVerifier
from backend.adapters.auth.revocation import IdentifiedPrincipal, RevocationCheckedTokenVerifier
from backend.adapters.persistence.memory import InMemoryDatabase, InMemoryRevocationStore
from backend.adapters.persistence.revocations import CachedRevocationCheck
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.container import Container
from backend.container.authentication import AuthContainer
from backend.domain.auth import (
    ImmatureTokenError,
    InvalidClaimError,
    MissingClaimError,
    Principal,
)
from backend.domain.revocation import Revocation, RevocationKind, RevokedTokenError
from backend.settings import AuthSettings, ConfigurationError, Settings
from backend.testing import Issuer
from backend.testing.encoding import ABSENT
from backend.testing.issuer import RESOURCE
from tests.adapters.auth.cookies import FORMATS, session_data
from tests.adapters.auth.tokens import NOW, SECRET, secret_signer, token
from tests.container.outcomes import cookie_outcome, token_outcome

pytestmark = pytest.mark.anyio

LEEWAY = 10  # seconds, the default
ON = {
    "better_auth_secret": SECRET.decode(),
    "auth_revocation": "database",
    "auth_max_lifetime": 900,
}


class Monotonic:
    """A clock that advances by a minute with each call, so that no copy of entries is recent."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 60
        return self.now


def make_container(**values: Any) -> Container:
    """Make a container whose clock shows `NOW`, and whose entries are in memory."""
    store = InMemoryRevocationStore()
    check = CachedRevocationCheck(store, max_age=1, clock=lambda: NOW, monotonic=Monotonic())
    return Container(
        settings=Settings.load(**{**ON, **values}),
        clock=lambda: NOW,
        database=InMemoryDatabase(),
        revocation_store=store,
        revocation_check=check,
    )


def a_token(**claims: Any) -> str:
    return token(secret_signer(), claims={"aud": ABSENT, **claims})


async def test_there_is_no_check_of_revocations_without_the_setting() -> None:
    for container in (
        Container(settings=Settings.load(better_auth_secret=SECRET.decode()), clock=lambda: NOW),
        AuthContainer(
            settings=AuthSettings.load(better_auth_secret=SECRET.decode()), clock=lambda: NOW
        ),
    ):
        assert container.revocation_check() is None
        assert container.to_principal() is container.issuer().to_principal
        verifier = container.token_verifier()
        assert type(verifier) is CachedTokenVerifier
        assert type(await verifier.verify(a_token())) is Principal
    without_cache = Settings.load(better_auth_secret=SECRET.decode(), auth_token_cache_size=0)
    assert type(Container(settings=without_cache).token_verifier()) is JwtTokenVerifier


async def test_a_token_that_is_cached_is_refused_when_it_is_revoked() -> None:
    container = make_container()
    text = a_token(sid="s1", jti="t1")
    for _ in range(2):
        assert await token_outcome(container, text) == "user-1"
    await container.revoke(kind=RevocationKind.USER, value="user-1")
    for _ in range(2):
        assert await token_outcome(container, text) == RevokedTokenError
    state = container.token_cache_state()
    assert state is not None
    assert (state.hits, state.misses) == (3, 1)


@pytest.mark.parametrize(
    ("kind", "value"), [(RevocationKind.SESSION, "s1"), (RevocationKind.TOKEN, "t1")]
)
async def test_a_session_or_a_token_is_refused_and_the_others_of_its_user_are_not(
    kind: RevocationKind, value: str
) -> None:
    container = make_container()
    texts = [
        a_token(sid="s1", jti="t1"),
        a_token(sid="s2", jti="t2"),
        a_token(),
        a_token(sub="user-2"),
    ]
    await container.revoke(kind=kind, value=value)
    outcomes = [await token_outcome(container, text) for text in texts]
    assert outcomes == [RevokedTokenError, "user-1", "user-1", "user-2"]


async def test_oauth_access_tokens_are_revoked_by_their_session() -> None:
    with Issuer(clock=lambda: NOW) as issuer:
        container = make_container(
            better_auth_secret=None,
            better_auth_url=issuer.url,
            auth_resource=RESOURCE,
            auth_max_lifetime=3600,
        )
        async with AsyncExitStack() as stack:
            for resource in container.resources():
                await stack.enter_async_context(resource)
            kept, revoked = (
                issuer.access_token("todos:read", sub="ada", sid=sid) for sid in ("s1", "s2")
            )
            await container.revoke(kind=RevocationKind.SESSION, value="s2")
            assert await token_outcome(container, kept) == "ada"
            assert await token_outcome(container, revoked) == RevokedTokenError


async def test_a_revoked_user_is_refused_in_every_session() -> None:
    container = make_container()
    await container.revoke(kind=RevocationKind.USER, value="user-1")
    for sid in ("s2", "user-2", ""):
        assert await token_outcome(container, a_token(sid=sid, jti=sid)) == RevokedTokenError
    assert await token_outcome(container, a_token(sub="user-2", sid="user-1")) == "user-2"


@pytest.mark.parametrize(
    ("issued", "expected"),
    [
        (NOW - 60, RevokedTokenError),
        (NOW, RevokedTokenError),  # the token that is issued in this second
        (NOW + LEEWAY - 0.5, RevokedTokenError),  # by an issuer whose clock is ahead
        (NOW + LEEWAY, "user-1"),
        (NOW + LEEWAY + 1, ImmatureTokenError),
    ],
)
async def test_every_token_that_is_accepted_at_the_revocation_is_revoked(
    issued: float, expected: object
) -> None:
    container = make_container()
    await container.revoke(kind=RevocationKind.USER, value="user-1")
    assert await token_outcome(container, a_token(iat=issued)) == expected


async def test_tokens_issued_after_the_limit_stay_valid() -> None:
    container = make_container()
    await container.revoke(kind=RevocationKind.USER, value="user-1", issued_before=NOW - 30)
    assert await token_outcome(container, a_token(iat=NOW - 31)) == RevokedTokenError
    assert await token_outcome(container, a_token(iat=NOW - 30)) == "user-1"
    with pytest.raises(ValueError, match="future"):
        await container.revoke(
            kind=RevocationKind.USER, value="user-1", issued_before=NOW + LEEWAY + 1
        )


async def test_a_token_must_say_when_it_was_issued_and_must_not_live_longer_than_its_entry() -> (
    None
):
    container = make_container()
    assert await token_outcome(container, a_token(iat=ABSENT)) == MissingClaimError
    assert await token_outcome(container, a_token(exp=NOW + 841)) == InvalidClaimError
    revocation = await container.revoke(kind=RevocationKind.USER, value="user-1")
    assert isinstance(revocation, Revocation)
    # The last revoked token is issued at NOW + LEEWAY, lives 900 s, and is accepted LEEWAY longer.
    assert revocation.expires_at == NOW + LEEWAY + 900 + LEEWAY


@pytest.mark.parametrize("name", ["compact", "jwt", "jwe"])
async def test_session_cookies_are_revoked_by_user_and_by_session(name: str) -> None:
    container = make_container(auth_cookie=name, cors_origins="https://app.example.com")
    make = FORMATS[name].make
    # Columns of the user that look like claims do not hide the session.
    user = {"sid": "other", "iat": NOW + 5, "jti": "other"}
    ada = make(session_data(session={"id": "s1"}, user=user))
    other = make(session_data(session={"id": "s2"}))
    assert await cookie_outcome(container, ada) == "user-1"
    await container.revoke(kind=RevocationKind.SESSION, value="s1")
    assert await cookie_outcome(container, ada) == RevokedTokenError
    assert await cookie_outcome(container, other) == "user-1"
    await container.revoke(kind=RevocationKind.USER, value="user-1", issued_before=NOW)
    assert await cookie_outcome(container, other) == "user-1"  # written at that time
    await container.revoke(kind=RevocationKind.USER, value="user-1")
    assert await cookie_outcome(container, other) == RevokedTokenError


async def test_a_session_cookie_must_not_outlive_its_entry() -> None:
    container = make_container(
        auth_cookie="compact", cors_origins="https://app.example.com", auth_max_lifetime=299
    )
    make = FORMATS["compact"].make
    assert await cookie_outcome(container, make()) == InvalidClaimError
    assert await cookie_outcome(container, make(session_data(updatedAt=ABSENT))) == (
        MissingClaimError
    )


async def test_the_cache_keeps_the_ids_of_tokens_and_not_the_tokens() -> None:
    container = make_container()
    principal = await container.token_verifier().verify(a_token(sid="s1"))
    assert isinstance(principal, IdentifiedPrincipal)
    assert principal is await container.token_verifier().verify(a_token(sid="s1"))
    assert principal.session_id == "s1"


async def test_an_app_without_a_database_can_bring_its_own_check() -> None:
    store = InMemoryRevocationStore()
    container = AuthContainer(
        settings=AuthSettings.load(better_auth_secret=SECRET.decode()),
        clock=lambda: NOW,
        revocation_check=CachedRevocationCheck(
            store, max_age=1, clock=lambda: NOW, monotonic=Monotonic()
        ),
    )
    entry = Revocation(kind=RevocationKind.SESSION, value="s1", expires_at=NOW + 900)
    await store.add(entry, now=NOW)
    assert await token_outcome(container, a_token(sid="s1")) == RevokedTokenError
    assert await token_outcome(container, a_token(iat=ABSENT)) == "user-1"


async def test_tracing_wraps_the_check_of_revocations_and_the_cache() -> None:
    container = make_container()
    container.tracer.override(TracerProvider().get_tracer("test"))
    await container.revoke(kind=RevocationKind.USER, value="user-1")
    assert await token_outcome(container, a_token()) == RevokedTokenError
    assert container.token_cache_state() is not None
    verifier: Any = container.token_verifier()
    assert type(verifier.verifier) is RevocationCheckedTokenVerifier


async def test_a_server_starts_only_if_it_can_read_the_revocations(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/todos.db"
    container = Container(settings=Settings.load(**ON, database_url=url))
    await container.migrate_schema("0005")
    with pytest.raises(ConfigurationError, match="AUTH_REVOCATION"):
        await container.check_revocation()
    await container.migrate_schema()
    again = Container(settings=Settings.load(**ON, database_url=url))
    await again.check_revocation()
    assert isinstance(again.database(), SqliteDatabase)
    off = Container(settings=Settings.load(better_auth_secret=SECRET.decode()))
    await off.check_revocation()


@pytest.mark.parametrize("storage", ["database", "DATABASE"])
def test_revocation_needs_the_lifetime_of_tokens(storage: str) -> None:
    with pytest.raises(ConfigurationError, match="AUTH_MAX_LIFETIME"):
        Settings.load(better_auth_secret=SECRET.decode(), auth_revocation=storage)
