"""The contract of the port `TokenVerifier`: one row for each adapter."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from backend.adapters.auth.better_auth import tokens as better_auth
from backend.adapters.auth.better_auth.answers import SessionAnswers
from backend.adapters.auth.better_auth.bearer_tokens import BearerTokenVerifier
from backend.adapters.auth.better_auth.cookie_formats import CompactCookieDecoder
from backend.adapters.auth.better_auth.session_cookie import SessionCookieVerifier
from backend.adapters.auth.better_auth.session_tokens import SessionTokenVerifier
from backend.adapters.auth.cache import CachedTokenVerifier
from backend.adapters.auth.claims import ClaimsPolicy
from backend.adapters.auth.issuers import IssuerTokenVerifier
from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS, HMAC_ALGORITHMS
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.adapters.auth.jwks.keys import JwksKeys
from backend.adapters.auth.keys import KeySource, SecretKeys
from backend.adapters.auth.oidc.claims import ClaimMapping, principal_mapping
from backend.adapters.auth.oidc.discovery import DiscoveredKeySet, metadata_url
from backend.adapters.auth.pyjwt import JwtTokenVerifier, SignedTokens
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    InvalidTokenError,
    TokenVerifier,
    VerifierUnavailableError,
)
from backend.testing.encoding import iso, to_json
from backend.testing.session_cookies import compact_cookie, session_data
from backend.testing.signers import key_set, signer
from tests.adapters.auth.sessions import signed
from tests.adapters.auth.tokens import ISSUER, SECRET, secret_signer, token

pytestmark = pytest.mark.anyio

Clock = Callable[[], float]
Fetch = Callable[[str], Awaitable[bytes]]

SIGNER = signer("ES256")
OTHER_ISSUER = "https://other.example.com"


def jwt_verifier(sources: dict[str, KeySource], clock: Clock, to_principal: Any) -> TokenVerifier:
    accepted = frozenset({ISSUER})
    return JwtTokenVerifier(
        SignedTokens(sources),
        policy=ClaimsPolicy(issuers=accepted, audiences=accepted),
        to_principal=to_principal,
        clock=clock,
    )


def with_key_set(keys: JwksKeys, clock: Clock) -> TokenVerifier:
    sources: dict[str, KeySource] = dict.fromkeys(ASYMMETRIC_ALGORITHMS, keys)
    return jwt_verifier(sources, clock, better_auth.to_principal)


def with_cache(keys: JwksKeys, clock: Clock) -> TokenVerifier:
    return CachedTokenVerifier(with_key_set(keys, clock), size=10, epoch=keys.epoch, clock=clock)


def with_discovery(keys: JwksKeys, clock: Clock) -> TokenVerifier:
    sources: dict[str, KeySource] = dict.fromkeys(ASYMMETRIC_ALGORITHMS, keys)
    return jwt_verifier(sources, clock, principal_mapping(ClaimMapping()))


def with_secret(_: JwksKeys, clock: Clock) -> TokenVerifier:
    sources: dict[str, KeySource] = dict.fromkeys(HMAC_ALGORITHMS, SecretKeys([SECRET]))
    return jwt_verifier(sources, clock, better_auth.to_principal)


def with_cookie(_: JwksKeys, clock: Clock) -> TokenVerifier:
    return SessionCookieVerifier(
        CompactCookieDecoder(SECRET), to_principal=better_auth.to_principal, clock=clock
    )


def with_issuers(keys: JwksKeys, clock: Clock) -> TokenVerifier:
    other = jwt_verifier({}, clock, better_auth.to_principal)
    return IssuerTokenVerifier({OTHER_ISSUER: other, ISSUER: with_cache(keys, clock)})


def with_session_tokens(keys: JwksKeys, clock: Clock) -> TokenVerifier:
    async def get_session(text: str) -> bytes:
        await keys.check()  # Better Auth serves the key set too, so both are down together
        user, _, end = text.partition(".")[0].partition("~")
        session = {"userId": user, "expiresAt": iso(int(end)), "token": f"{user}~{end}"}
        data = session_data(now=int(end) - 300, user={"id": user}, session=session)
        return to_json({"session": data["session"], "user": data["user"]})

    answers = SessionAnswers(max_age=10, size=10, clock=clock, timer=clock)
    session_tokens = SessionTokenVerifier(
        get_session,
        secret=SECRET,
        answers=answers,
        to_principal=better_auth.to_principal,
        clock=clock,
    )
    return BearerTokenVerifier(with_key_set(keys, clock), session_tokens=session_tokens)


def key_token(user_id: str, end: int) -> str:
    return token(SIGNER, claims={"sub": user_id, "iat": end - 900, "exp": end})


def secret_token(user_id: str, end: int) -> str:
    return token(secret_signer(), claims={"sub": user_id, "iat": end - 900, "exp": end})


def cookie(user_id: str, end: int) -> str:
    data = session_data(now=end - 300, user={"id": user_id}, session=None)
    return compact_cookie(data, end=end, secret=SECRET)


def session_token(user_id: str, end: int) -> str:
    return signed(f"{user_id}~{end}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An adapter of the port.

    Attributes:
        make: Makes the verifier.
        credential: Makes a valid credential of a user, with its expiry in seconds.
        fetches_keys: Whether an outage of the issuer can make the verifier unavailable.
        discovers: Whether the URL of the key set comes from metadata.
    """

    make: Callable[[JwksKeys, Clock], TokenVerifier]
    credential: Callable[[str, int], str]
    fetches_keys: bool = False
    discovers: bool = False


ROWS = {
    "better-auth-key-set": Row(make=with_key_set, credential=key_token, fetches_keys=True),
    "better-auth-cached": Row(make=with_cache, credential=key_token, fetches_keys=True),
    "better-auth-secret": Row(make=with_secret, credential=secret_token),
    "better-auth-cookie": Row(make=with_cookie, credential=cookie),
    "several-issuers": Row(make=with_issuers, credential=key_token, fetches_keys=True),
    "better-auth-session-token": Row(
        make=with_session_tokens, credential=session_token, fetches_keys=True
    ),
    "oidc": Row(make=with_discovery, credential=key_token, fetches_keys=True, discovers=True),
}

every_adapter = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


async def fetch(url: str) -> bytes:
    """Return the metadata, or the key set."""
    if url == metadata_url(ISSUER):
        return to_json({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"})
    return key_set(SIGNER)


async def fail(_url: str) -> bytes:
    raise FetchError("the issuer is down", kind=FetchErrorKind.UNREACHABLE)


def keys_of(row: Row, answer: Fetch) -> JwksKeys:
    if row.discovers:
        return JwksKeys(DiscoveredKeySet(answer, ISSUER))
    return JwksKeys(lambda: answer(f"{ISSUER}/keys"))


@every_adapter
async def test_a_valid_token_authenticates_its_user_until_it_expires(row: Row) -> None:
    now = [time.time()]
    end = int(now[0]) + 200
    async with keys_of(row, fetch) as keys:
        verifier = row.make(keys, lambda: now[0])
        credential = row.credential("ada", end)
        principal = await verifier.verify(credential)
        assert (principal.user_id, int(principal.expires_at)) == ("ada", end)
        assert await verifier.verify(credential) == principal
        now[0] = end + 60
        with pytest.raises(ExpiredTokenError):
            await verifier.verify(credential)


@every_adapter
async def test_concurrent_calls_return_the_users_of_their_own_tokens(row: Row) -> None:
    end = int(time.time()) + 200
    async with keys_of(row, fetch) as keys:
        verifier = row.make(keys, time.time)
        users = [f"user-{number}" for number in range(20)]
        calls = [verifier.verify(row.credential(user, end)) for user in users]
        assert [principal.user_id for principal in await asyncio.gather(*calls)] == users


@every_adapter
async def test_a_changed_token_is_invalid_and_is_not_quoted(row: Row) -> None:
    async with keys_of(row, fetch) as keys:
        verifier = row.make(keys, time.time)
        credential = row.credential("ada", int(time.time()) + 200)
        other = row.credential("eve", int(time.time()) + 200)
        middle = len(credential) // 2
        for text in (
            credential[:-4] + "AAAA",
            credential[:middle] + "A" + credential[middle + 2 :],
            other.rpartition(".")[0] + "." + credential.rpartition(".")[2],
        ):
            with pytest.raises(InvalidTokenError) as caught:
                await verifier.verify(text)
            assert text not in str(caught.value)


@every_adapter
@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "\u2603", "a" * 40, "e30.e30.e30", "\0"])
async def test_nonsense_is_an_authentication_error(row: Row, text: str) -> None:
    async with keys_of(row, fetch) as keys:
        with pytest.raises(AuthError):
            await row.make(keys, time.time).verify(text)


@every_adapter
async def test_an_outage_of_the_issuer_is_not_an_authentication_error(row: Row) -> None:
    credential = row.credential("ada", int(time.time()) + 200)
    async with keys_of(row, fail) as keys:
        verifier = row.make(keys, time.time)
        if row.fetches_keys:
            with pytest.raises(VerifierUnavailableError):
                await verifier.verify(credential)
        else:
            assert (await verifier.verify(credential)).user_id == "ada"
