"""Several issuers with real key sets: choice, isolation, outages, readiness and resources."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from backend.adapters.auth.cache import CachedTokenVerifier
from backend.adapters.auth.issuers import IssuerTokenVerifier
from backend.adapters.auth.jwks.keys import JwksKeys
from backend.adapters.auth.revocation import RevocationCheckedTokenVerifier
from backend.container.authentication import AuthContainer
from backend.container.issuer import ProtectedResource
from backend.container.key_sets import KeySets
from backend.domain.auth import (
    AuthError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    MachineTokenError,
    VerifierUnavailableError,
)
from backend.domain.revocation import RevokedTokenError, TokenIds
from backend.settings.authentication import AuthSettings
from backend.testing import RESOURCE, InvalidToken, Issuer
from backend.testing.signers import key_set, signer
from backend.testing.tokens import secret_token
from tests.testing.test_tokens import REFUSED
from tests.testing.verifiers import opened

pytestmark = pytest.mark.anyio

SECRET = "a secret of at least thirty-two bytes"
OLD_ISSUER = "https://old.example.com"


@pytest.fixture
def first() -> Iterator[Issuer]:
    with Issuer() as server:
        yield server


@pytest.fixture
def second() -> Iterator[Issuer]:
    with Issuer("ES256") as server:
        yield server


def entry(name: str, issuer: Issuer, prefix: str | None = None, **settings: Any) -> dict[str, Any]:
    prefix = f"{name}:" if prefix is None else prefix
    return {
        "name": name,
        "user_id_prefix": prefix,
        "BETTER_AUTH_URL": issuer.url,
        **settings,
    }


def settings_of(*entries: dict[str, Any], **values: Any) -> AuthSettings:
    return AuthSettings.load(auth_trusted_issuers=entries, **values)


@asynccontextmanager
async def trusting(*entries: dict[str, Any], **values: Any) -> AsyncIterator[AuthContainer]:
    async with opened(settings_of(*entries, **values)) as container:
        yield container


async def outcome(container: AuthContainer, token: str) -> str | type[AuthError]:
    try:
        return str((await container.token_verifier().verify(token)).user_id)
    except AuthError as error:
        return type(error)


async def test_users_with_the_same_id_at_two_issuers_never_meet(
    first: Issuer, second: Issuer
) -> None:
    async with trusting(entry("a", first), entry("b", second)) as container:
        calls = [outcome(container, issuer.token(sub="ada")) for issuer in (first, second) * 10]
        assert await asyncio.gather(*calls) == ["a:ada", "b:ada"] * 10
    assert (first.fetches, second.fetches) == (1, 1)


async def test_equal_prefixes_share_users_on_purpose(first: Issuer, second: Issuer) -> None:
    async with trusting(entry("a", first, ""), entry("b", second, "")) as container:
        assert await outcome(container, first.token(sub="ada")) == "ada"
        assert await outcome(container, second.token(sub="ada")) == "ada"


async def test_an_old_issuer_keeps_its_ids_and_cannot_write_those_of_the_new(
    first: Issuer, second: Issuer
) -> None:
    async with trusting(entry("old", first, ""), entry("new", second)) as container:
        assert await outcome(container, first.token(sub="ada")) == "ada"
        assert await outcome(container, second.token(sub="ada")) == "new:ada"
        refused = await outcome(container, first.token(sub="new:ada"))
        assert isinstance(refused, type)


async def test_an_unknown_issuer_causes_no_fetch(first: Issuer, second: Issuer) -> None:
    container = AuthContainer(settings=settings_of(entry("a", first), entry("b", second)))
    with Issuer() as mallory:
        for token in (
            mallory.token(),
            first.token(iss=f"{first.url}/"),
            first.token(iss=first.url.upper()),
            first.token(iss=first.oauth_issuer),
        ):
            assert await outcome(container, token) is InvalidIssuerError
        assert mallory.requests == []
    assert first.requests == second.requests == []


@pytest.mark.parametrize(
    "kind",
    [
        *(InvalidToken.EXPIRED, InvalidToken.WRONG_AUDIENCE, InvalidToken.NO_USER),
        *(InvalidToken.CONFUSED, InvalidToken.BANNED, InvalidToken.OPAQUE),
    ],
)
async def test_the_rules_of_the_issuer_are_still_checked(
    first: Issuer, second: Issuer, kind: InvalidToken
) -> None:
    async with trusting(entry("a", first), entry("b", second)) as container:
        assert await outcome(container, first.invalid_token(kind)) is REFUSED[kind]


async def test_the_outage_of_one_issuer_touches_only_its_own_users(
    first: Issuer, second: Issuer
) -> None:
    first.fail(503)
    async with trusting(entry("a", first), entry("b", second)) as container:
        with pytest.raises(VerifierUnavailableError):
            await container.token_verifier().verify(first.token())
        assert await outcome(container, second.token(sub="bob")) == "b:bob"
        await container.checks()["keys"]()
        states = {name: state() for name, state in container.key_set_states().items()}
        assert {name: state.usable for name, state in states.items()} == {"a": False, "b": True}
        assert states["a"].error == "HTTP 503"
        assert container.key_set_state() is None


async def test_readiness_does_not_wait_for_an_issuer_that_hangs(
    first: Issuer, second: Issuer
) -> None:
    first.hang()
    async with trusting(entry("a", first), entry("b", second)) as container:
        async with asyncio.timeout(2):
            await container.checks()["keys"]()
            assert await outcome(container, second.token(sub="bob")) == "b:bob"
        first.recover()


async def test_without_any_usable_keys_the_server_is_not_ready(
    first: Issuer, second: Issuer
) -> None:
    first.fail(503)
    second.fail(404)
    async with trusting(entry("a", first), entry("b", second)) as container:
        with pytest.raises(VerifierUnavailableError):
            await container.checks()["keys"]()
        first.recover()
    async with trusting(entry("a", first), entry("b", second)) as container:
        await container.checks()["keys"]()


async def test_an_issuer_with_a_secret_needs_no_key_set(first: Issuer) -> None:
    first.fail(503)
    old = {"name": "old", "user_id_prefix": "", "AUTH_ISSUER": OLD_ISSUER}
    secret = {**old, "BETTER_AUTH_SECRET": SECRET}
    token = secret_token(SECRET, sub="ada", iss=OLD_ISSUER)
    async with trusting(secret, entry("a", first)) as container:
        await container.checks()["keys"]()
        assert list(container.key_set_states()) == ["a"]
        assert await outcome(container, token) == "ada"
        forged = secret_token(SECRET, iss=first.url, aud=first.url)
        assert await outcome(container, forged) is InvalidAlgorithmError
    alone = AuthContainer(settings=settings_of(secret))
    assert (alone.resources(), alone.checks()) == ([], {})
    assert await outcome(alone, token) == "ada"


async def test_algorithms_and_audiences_are_those_of_the_entry(
    first: Issuer, second: Issuer
) -> None:
    entries = [
        entry("a", first, AUTH_AUDIENCE=["api-a"], AUTH_ALGORITHMS="EdDSA"),
        entry("b", second, AUTH_AUDIENCE="api-b", AUTH_ALGORITHMS="RS256"),
    ]
    async with trusting(*entries) as container:
        assert await outcome(container, first.token(sub="ada", aud="api-a")) == "a:ada"
        assert await outcome(container, first.token(aud="api-b")) is InvalidAudienceError
        assert await outcome(container, second.token(aud="api-b")) is InvalidAlgorithmError


async def test_equal_key_ids_do_not_cross_issuers(first: Issuer, second: Issuer) -> None:
    second._signers = [replace(signer("EdDSA", "key of the second"), kid=first.signer.kid)]
    second.document = key_set(*second._signers)
    async with trusting(entry("a", first), entry("b", second)) as container:
        assert await outcome(container, first.token(sub="ada")) == "a:ada"
        assert await outcome(container, second.token(sub="bob")) == "b:bob"
        forged = [
            signing.token(iss=named.url, aud=named.url)
            for signing, named in ((first, second), (second, first))
        ]
        refused = await asyncio.gather(*(outcome(container, token) for token in forged))
        assert refused == [InvalidSignatureError] * 2


async def test_each_issuer_has_a_cache_of_its_own(first: Issuer, second: Issuer) -> None:
    async with trusting(entry("a", first), entry("b", second)) as container:
        verifier = container.token_verifier()
        for issuer in (first, second):  # waits for the keys
            await verifier.verify(issuer.token())
        before = container.token_cache_state()
        assert before is not None
        tokens = [first.token(sub="ada"), second.token(sub="bob")]
        for token in (*tokens, *tokens):
            await verifier.verify(token)
        state = container.token_cache_state()
        assert state is not None
        assert state.maximum == 2 * 10_000
        assert (state.hits, state.misses - before.misses) == (2, 2)


async def test_access_tokens_of_an_entry_share_its_keys_and_its_cache(
    first: Issuer, second: Issuer
) -> None:
    entries = [entry("a", first, AUTH_RESOURCE=RESOURCE), entry("b", second)]
    async with trusting(*entries) as container:
        access = first.access_token("todos:read", sub="ada")
        assert await outcome(container, access) == "a:ada"
        assert await outcome(container, first.token(sub="ada")) == "a:ada"
        assert await outcome(container, second.access_token("todos:read")) is InvalidIssuerError
        assert container.issuer().resource == ProtectedResource(
            identifier=RESOURCE, issuers=frozenset({first.oauth_issuer})
        )
        state = container.token_cache_state()
        assert state is not None
        assert state.maximum == 2 * 10_000
    assert first.fetches == 1


async def test_the_metadata_name_every_authorization_server(first: Issuer, second: Issuer) -> None:
    entries = [
        entry(name, issuer, AUTH_RESOURCE=RESOURCE)
        for name, issuer in (("a", first), ("b", second))
    ]
    resource = AuthContainer(settings=settings_of(*entries)).issuer().resource
    assert resource is not None
    assert resource.issuers == {first.oauth_issuer, second.oauth_issuer}


async def test_machines_are_accepted_by_entry_and_have_its_prefix(
    first: Issuer, second: Issuer
) -> None:
    resource = {"AUTH_RESOURCE": RESOURCE}
    entries = [
        entry("a", first, AUTH_MACHINE_TOKENS=True, **resource),
        entry("b", second, **resource),
    ]
    async with trusting(*entries) as container:
        robot = await container.token_verifier().verify(first.access_token("", sub="client-1"))
        assert (robot.user_id, robot.is_machine) == ("a:client-1", True)
        refused = await outcome(container, second.access_token("", sub="client-1"))
        assert refused is MachineTokenError


class Revoked:
    """Revokes the tokens of one user, and keeps what was asked."""

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self.asked: list[TokenIds] = []

    async def is_revoked(self, token: TokenIds, /) -> bool:
        self.asked.append(token)
        return token.user_id == self._user_id


async def test_revocation_knows_users_with_their_prefix(first: Issuer, second: Issuer) -> None:
    check = Revoked("a:ada")
    settings = settings_of(entry("a", first), entry("b", second))
    container = AuthContainer(settings=settings, revocation_check=check)
    async with AsyncExitStack() as stack:
        for part in container.resources():
            await stack.enter_async_context(part)
        assert await outcome(container, first.token(sub="ada", jti="1")) is RevokedTokenError
        assert await outcome(container, second.token(sub="ada", sid="s")) == "b:ada"
        assert await outcome(container, second.token(sub="a:ada")) == "b:a:ada"
    assert [(ids.user_id, ids.session_id, ids.token_id) for ids in check.asked] == [
        ("a:ada", None, "1"),
        ("b:ada", "s", None),
        ("b:a:ada", None, None),
    ]


async def test_the_key_sets_can_be_opened_again(first: Issuer, second: Issuer) -> None:
    container = AuthContainer(settings=settings_of(entry("a", first), entry("b", second)))
    (keys,) = container.resources()
    assert isinstance(keys, KeySets)
    for _ in range(2):
        async with keys:
            assert await outcome(container, first.token(sub="ada")) == "a:ada"
            assert await outcome(container, second.token(sub="bob")) == "b:bob"
        with pytest.raises(VerifierUnavailableError):
            await keys.check()


def test_one_issuer_has_the_same_objects_as_ever(first: Issuer) -> None:
    container = AuthContainer(settings=first.settings())
    assert container.issuer_containers() == {}
    assert type(container.token_verifier()) is CachedTokenVerifier
    (keys,) = container.resources()
    assert type(keys) is JwksKeys
    assert keys is container.jwks_keys()
    assert container.checks() == {"keys": keys.check}
    checked = AuthContainer(settings=first.settings(), revocation_check=Revoked(""))
    assert type(checked.token_verifier()) is RevocationCheckedTokenVerifier


def test_a_list_with_one_entry_is_chosen_by_its_issuer_too(first: Issuer) -> None:
    verifier = AuthContainer(settings=settings_of(entry("a", first))).token_verifier()
    assert type(verifier) is IssuerTokenVerifier
    assert {*verifier.verifiers} == {first.url}
