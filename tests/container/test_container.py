"""Which adapters settings choose, and what these then accept."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dependency_injector import providers

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.sqlite.repository import SqliteTodoRepository
from backend.container import Container
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    ImmatureTokenError,
    InvalidAlgorithmError,
    InvalidAudienceError,
    InvalidClaimError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingClaimError,
    TokenVerifier,
    UnsupportedTokenError,
    VerifierUnavailableError,
)
from backend.domain.todo_repository import RepositoryUnavailableError
from backend.settings import ConfigurationError, Settings
from backend.settings.values import ASYMMETRIC_ALGORITHMS
from tests.adapters.auth.cookies import (
    OLD_SECRET,
    compact_cookie,
    jwe_cookie,
    jwks_cookie,
    jwt_cookie,
    session_data,
)
from tests.adapters.auth.tokens import (
    ABSENT,
    NOW,
    SECRET,
    ed25519_signer,
    key_set,
    secret_signer,
    signer,
    token,
)
from tests.fakes import FakeTokenVerifier

pytestmark = pytest.mark.anyio

URL = "https://app.example.com"
ALGORITHMS = {
    "EdDSA": signer("EdDSA", "eddsa"),
    "Ed25519": signer("Ed25519", "ed25519"),
    "ES256": signer("ES256", "es256"),
    "RS256": signer("RS256", "rs256"),
    "PS256": signer("PS256", "ps256"),
}


@dataclass
class Issuer:
    """Answers requests for its key set.

    Attributes:
        asked: The URLs that were asked for, in order.
        status: The status of its answers.
    """

    asked: list[str] = field(default_factory=list)
    status: int = 200

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(str(request.url))
        return httpx2.Response(self.status, content=self._document())

    async def _document(self) -> AsyncIterator[bytes]:
        yield key_set(*ALGORITHMS.values())


Made = Callable[..., Awaitable[Container]]


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def container(issuer: Issuer) -> AsyncIterator[Made]:
    """Start the parts as a server does; requests end at the issuer, and the clock stands still."""
    async with AsyncExitStack() as stack:

        async def start(**said: Any) -> Container:
            client = httpx2.AsyncClient(transport=httpx2.MockTransport(issuer))
            made = Container(settings=Settings.load(**said), http_client=client, clock=lambda: NOW)
            for resource in made.resources():
                await stack.enter_async_context(resource)
            return made

        yield start


async def outcome(container: Container, text: str) -> str | type[AuthError]:
    """Return the user that a token stands for, or how it is refused."""
    try:
        return (await container.token_verifier().verify(text)).user_id
    except AuthError as error:
        return type(error)


@pytest.mark.parametrize(
    ("url", "origin", "jwks"),
    [
        (URL, URL, f"{URL}/api/auth/jwks"),
        (f"{URL}/", URL, f"{URL}/api/auth/jwks"),
        (f"{URL}//", URL, f"{URL}/api/auth/jwks"),
        (f"{URL}/api/auth", URL, f"{URL}/api/auth/jwks"),
        (f"{URL}/sign/in/", URL, f"{URL}/sign/in/jwks"),
        ("HTTPS://App.Example.COM/Auth", URL, f"{URL}/Auth/jwks"),
        (f"{URL}:443", URL, f"{URL}/api/auth/jwks"),
        (f"{URL}:8443/", f"{URL}:8443", f"{URL}:8443/api/auth/jwks"),
        ("http://localhost:80", "http://localhost", "http://localhost/api/auth/jwks"),
        ("http://localhost:443", "http://localhost:443", "http://localhost:443/api/auth/jwks"),
        ("http://[::1]:3000", "http://[::1]:3000", "http://[::1]:3000/api/auth/jwks"),
        ("https://[::1]", "https://[::1]", "https://[::1]/api/auth/jwks"),
        (
            "https://bücher.example",
            "https://xn--bcher-kva.example",
            "https://xn--bcher-kva.example/api/auth/jwks",
        ),
    ],
)
async def test_everything_follows_from_the_base_url(
    container: Made, issuer: Issuer, url: str, origin: str, jwks: str
) -> None:
    made = await container(better_auth_url=url)
    assert await outcome(
        made, token(ALGORITHMS["EdDSA"], claims={"iss": origin, "aud": origin})
    ) == ("user-1")
    assert issuer.asked == [jwks]


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, "user-1"),
        ({"iss": "https://evil.example.com"}, InvalidIssuerError),
        ({"iss": f"{URL}/"}, InvalidIssuerError),
        ({"iss": ABSENT}, MissingClaimError),
        ({"aud": "https://evil.example.com"}, InvalidAudienceError),
        ({"aud": ["x", URL]}, "user-1"),
        ({"aud": ABSENT}, MissingClaimError),
    ],
)
async def test_issuer_and_audience_are_required_once_they_are_known(
    container: Made, claims: dict[str, Any], expected: object
) -> None:
    made = await container(better_auth_url=URL, better_auth_secret=SECRET.decode())
    for by in (ALGORITHMS["EdDSA"], secret_signer()):
        assert await outcome(made, token(by, claims=claims)) == expected


async def test_without_a_known_audience_tokens_must_have_none(container: Made) -> None:
    made = await container(better_auth_secret=SECRET.decode())
    assert await outcome(made, token(secret_signer())) == InvalidAudienceError
    assert await outcome(made, token(secret_signer(), claims={"aud": ABSENT})) == "user-1"


async def test_what_is_said_goes_before_what_is_derived(container: Made, issuer: Issuer) -> None:
    made = await container(
        better_auth_url=URL,
        auth_jwks_url="https://keys.example.com/set.json",
        auth_issuer="https://a.example.com,https://b.example.com",
        auth_audience="todos,others",
    )
    by = ALGORITHMS["EdDSA"]
    good = {"iss": "https://b.example.com", "aud": "todos"}
    assert await outcome(made, token(by, claims=good)) == "user-1"
    assert await outcome(made, token(by, claims={**good, "iss": URL})) == InvalidIssuerError
    assert await outcome(made, token(by, claims={**good, "aud": URL})) == InvalidAudienceError
    assert issuer.asked == ["https://keys.example.com/set.json"]


async def test_a_key_set_alone_asks_for_no_issuer(container: Made) -> None:
    made = await container(auth_jwks_url="https://keys.example.com/set.json")
    text = token(ALGORITHMS["ES256"], claims={"iss": "anyone", "aud": ABSENT})
    assert await outcome(made, text) == "user-1"


PUBLISHED = set(ALGORITHMS)
ACCEPTED: list[tuple[dict[str, Any], set[str]]] = [
    ({"better_auth_secret": SECRET.decode()}, {"HS256"}),
    ({"better_auth_secrets": f"1:{SECRET.decode()}"}, {"HS256"}),
    ({"better_auth_url": URL}, PUBLISHED),
    ({"auth_jwks_url": f"{URL}/jwks"}, PUBLISHED),
    ({"better_auth_url": URL, "better_auth_secret": SECRET.decode()}, {"HS256", *PUBLISHED}),
    ({"better_auth_url": URL, "auth_algorithms": "ES256,EdDSA"}, {"ES256", "EdDSA"}),
    (
        {
            "better_auth_url": URL,
            "better_auth_secret": SECRET.decode(),
            "auth_algorithms": "HS256",
        },
        {"HS256"},
    ),
]


@pytest.mark.parametrize(("said", "accepted"), ACCEPTED)
async def test_algorithms_are_accepted_where_their_keys_are_known(
    container: Made, said: dict[str, Any], accepted: set[str]
) -> None:
    made = await container(**{"auth_issuer": URL, "auth_audience": URL, **said})
    for algorithm, by in {**ALGORITHMS, "HS256": secret_signer()}.items():
        expected = "user-1" if algorithm in accepted else InvalidAlgorithmError
        assert await outcome(made, token(by)) == expected, algorithm
    for algorithm in ("none", "HS384", "HS512", "hs256", "ES256K"):
        forged = token(secret_signer(), header={"alg": algorithm})
        assert await outcome(made, forged) == InvalidAlgorithmError, algorithm


def test_the_settings_name_the_algorithms_that_there_are() -> None:
    assert set(ALGORITHMS) <= ASYMMETRIC_ALGORITHMS
    made = Container(settings=Settings.load(better_auth_url=URL, auth_algorithms="RS512,PS384"))
    made.token_verifier()


async def test_any_of_the_secrets_verifies(container: Made) -> None:
    both = f"2:{SECRET.decode()},1:{OLD_SECRET.decode()}"
    made = await container(better_auth_secrets=both)
    for secret in (SECRET, OLD_SECRET):
        assert await outcome(made, token(secret_signer(secret), claims={"aud": ABSENT})) == "user-1"
    stranger = secret_signer(b"a secret that is shared with somebody else")
    assert await outcome(made, token(stranger)) == InvalidSignatureError


async def test_clocks_may_differ_by_the_leeway(container: Made) -> None:
    text = token(secret_signer(), claims={"aud": ABSENT, "nbf": NOW + 5})
    tolerant = await container(better_auth_secret=SECRET.decode())
    assert await outcome(tolerant, text) == "user-1"
    strict = await container(better_auth_secret=SECRET.decode(), auth_leeway="1")
    assert await outcome(strict, text) == ImmatureTokenError


@pytest.mark.parametrize(("size", "verified_anew"), [(10, False), (0, True)])
async def test_tokens_are_remembered_unless_that_is_turned_off(
    container: Made, size: int, verified_anew: bool
) -> None:
    made = await container(better_auth_secret=SECRET.decode(), auth_token_cache_size=size)
    text = token(secret_signer(), claims={"aud": ABSENT, "nbf": NOW})
    first = await made.token_verifier().verify(text)
    again = await made.token_verifier().verify(text)
    assert (again is not first) is verified_anew


async def test_a_remembered_token_is_forgotten_with_its_key(
    container: Made, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await container(better_auth_url=URL)
    remembered = token(ALGORITHMS["EdDSA"])
    assert await outcome(made, remembered) == "user-1"
    replaced = ed25519_signer(Ed25519PrivateKey.generate(), kid="eddsa")
    monkeypatch.setitem(ALGORITHMS, "EdDSA", replaced)
    monkeypatch.setitem(ALGORITHMS, "new", signer("EdDSA", "new"))
    assert await outcome(made, remembered) == "user-1"
    assert await outcome(made, token(ALGORITHMS["new"])) == "user-1"
    assert len(issuer.asked) == 2
    assert await outcome(made, remembered) == InvalidSignatureError


# --- Session cookies -------------------------------------------------------------------------


SECRETS = {
    "better_auth_secrets": f"2:{SECRET.decode()},1:{OLD_SECRET.decode()}",
    "cors_origins": "https://app.example.com",
}
KEYS_ONLY = {"better_auth_url": URL, "auth_cookie": "jwt"}


def sessions(container: Container) -> TokenVerifier:
    verifier = container.session_verifier()
    assert verifier is not None
    return verifier


async def owner(container: Container, text: str) -> str | type[AuthError]:
    """Return the user whose session a cookie is of, or how it is refused."""
    try:
        return (await sessions(container).verify(text)).user_id
    except AuthError as error:
        return type(error)


@pytest.mark.parametrize(
    ("strategy", "make", "old"),
    [
        ("compact", compact_cookie, InvalidSignatureError),
        ("jwt", jwt_cookie, InvalidSignatureError),
        ("jwe", jwe_cookie, "user-1"),
    ],
)
async def test_only_encrypted_cookies_outlive_a_change_of_the_secret(
    container: Made, strategy: str, make: Callable[..., str], old: object
) -> None:
    made = await container(auth_cookie=strategy, **SECRETS)
    assert await owner(made, make()) == "user-1"
    assert await owner(made, make(secret=OLD_SECRET)) == old


async def test_without_a_secret_the_key_set_signs_cookies(container: Made, issuer: Issuer) -> None:
    for slash in ("", "/", "/api/auth/"):
        made = await container(**{**KEYS_ONLY, "better_auth_url": f"{URL}{slash}"})
        for by in ALGORITHMS.values():
            assert await owner(made, jwks_cookie(by=by)) == "user-1"
        assert await owner(made, jwt_cookie()) == UnsupportedTokenError
        for issued_by in (f"{URL}/", f"{URL}/api/auth", "https://evil.example.com"):
            forged = jwks_cookie(session_data(iss=issued_by), by=ALGORITHMS["EdDSA"])
            assert await owner(made, forged) == InvalidIssuerError
    assert set(issuer.asked) == {f"{URL}/api/auth/jwks"}


async def test_cookies_are_signed_by_the_algorithms_that_are_accepted(container: Made) -> None:
    made = await container(**KEYS_ONLY, auth_algorithms="EdDSA", auth_issuer=f"{URL}/other")
    data = session_data(iss=f"{URL}/other")
    assert await owner(made, jwks_cookie(data, by=ALGORITHMS["EdDSA"])) == "user-1"
    assert await owner(made, jwks_cookie(data, by=ALGORITHMS["ES256"])) == InvalidAlgorithmError
    assert await owner(made, jwks_cookie(by=ALGORITHMS["EdDSA"])) == InvalidIssuerError


async def test_no_cookie_is_accepted_unasked(container: Made) -> None:
    made = await container(**SECRETS)
    assert made.session_verifier() is None


async def test_version_and_leeway_are_those_of_the_settings(container: Made) -> None:
    said = {"auth_cookie": "compact", "auth_cookie_version": "2", **SECRETS}
    made = await container(**said, auth_leeway=100)
    for version, expected in (("1", InvalidClaimError), ("2", "user-1")):
        late = compact_cookie(session_data(version=version), end=NOW - 99)
        assert await owner(made, late) == expected
    gone = compact_cookie(session_data(version="2"), end=NOW - 100)
    assert await owner(made, gone) == ExpiredTokenError


@pytest.mark.parametrize(("size", "verified_anew"), [(10, False), (0, True)])
async def test_cookies_are_remembered_apart_from_tokens(
    container: Made, size: int, verified_anew: bool
) -> None:
    made = await container(auth_cookie="jwt", auth_token_cache_size=size, **SECRETS)
    text = jwt_cookie()
    first = await sessions(made).verify(text)
    assert (await sessions(made).verify(text) is not first) is verified_anew
    assert await outcome(made, text) == MissingClaimError
    bearer = token(secret_signer(), claims={"aud": ABSENT})
    assert await outcome(made, bearer) == "user-1"
    assert await owner(made, bearer) == MissingClaimError


async def test_a_remembered_cookie_is_forgotten_with_its_key(
    container: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await container(**KEYS_ONLY)
    remembered = jwks_cookie(by=ALGORITHMS["EdDSA"])
    assert await owner(made, remembered) == "user-1"
    replaced = ed25519_signer(Ed25519PrivateKey.generate(), kid="eddsa")
    monkeypatch.setitem(ALGORITHMS, "EdDSA", replaced)
    monkeypatch.setitem(ALGORITHMS, "new", signer("EdDSA", "new"))
    assert await owner(made, remembered) == "user-1"
    assert await owner(made, jwks_cookie(by=ALGORITHMS["new"])) == "user-1"
    assert await owner(made, remembered) == InvalidSignatureError


async def test_an_outage_is_not_a_cookies_fault(container: Made, issuer: Issuer) -> None:
    issuer.status = 500
    made = await container(**KEYS_ONLY)
    with pytest.raises(VerifierUnavailableError):
        await sessions(made).verify(jwks_cookie(by=ALGORITHMS["EdDSA"]))


@pytest.mark.parametrize(
    ("said", "origins"),
    [
        ({"better_auth_url": f"{URL}/api/auth"}, {URL}),
        ({"better_auth_url": URL, "cors_origins": f"{URL},https://b"}, {URL, "https://b"}),
        ({"better_auth_secret": SECRET.decode(), "cors_origins": "https://b"}, {"https://b"}),
    ],
)
async def test_the_pages_that_may_change_things_are_the_allowed_and_better_auths(
    container: Made, said: dict[str, Any], origins: set[str]
) -> None:
    made = await container(auth_cookie="jwt", **said)
    assert made.web_origins() == origins


# --- Outages, and the parts themselves -------------------------------------------------------


async def test_an_issuers_outage_is_not_the_callers_fault(container: Made, issuer: Issuer) -> None:
    issuer.status = 500
    made = await container(better_auth_url=URL)
    with pytest.raises(VerifierUnavailableError):
        await made.token_verifier().verify(token(ALGORITHMS["EdDSA"]))
    with pytest.raises(VerifierUnavailableError):
        await made.checks()["keys"]()


async def test_keys_and_database_are_what_readiness_depends_on(
    container: Made, tmp_path: Path
) -> None:
    made = await container(better_auth_url=URL, database_url=f"sqlite:///{tmp_path}/none.db")
    checks = made.checks()
    assert set(checks) == {"keys", "database"}
    assert await outcome(made, token(ALGORITHMS["EdDSA"])) == "user-1"
    await checks["keys"]()
    with pytest.raises(RepositoryUnavailableError):
        await checks["database"]()


def test_with_a_secret_only_there_are_no_keys_to_fetch() -> None:
    made = Container(
        settings=Settings.load(better_auth_secret=SECRET.decode()), database=InMemoryDatabase()
    )
    assert made.jwks_keys() is None
    assert set(made.checks()) == {"database"}
    assert len(made.resources()) == 1


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("sqlite:///todos.db", SqliteTodoRepository),
        ("sqlite:////var/lib/todos.db", SqliteTodoRepository),
        ("postgresql://me@db.example.com/todos", PostgresTodoRepository),
        ("postgres://me@db.example.com/todos", PostgresTodoRepository),
    ],
)
def test_the_url_chooses_the_database(url: str, kind: type) -> None:
    settings = Settings.load(better_auth_secret=SECRET.decode(), database_url=url)
    assert type(Container(settings=settings).todos()) is kind


async def test_every_part_is_made_once(container: Made) -> None:
    made = await container(better_auth_url=URL)
    for part in ("settings", "http_client", "jwks_keys", "token_verifier", "database", "todos"):
        provider = getattr(made, part)
        assert provider() is provider(), part
    parts = (made.http_client(), made.jwks_keys(), made.database())
    assert made.resources() == list(parts)  # in this order: each is left before what it needs


async def test_two_containers_share_nothing() -> None:
    settings = Settings.load(better_auth_url=URL)
    one, two = Container(settings=settings), Container(settings=settings)
    for part in ("http_client", "jwks_keys", "token_verifier", "database", "todos"):
        assert getattr(one, part)() is not getattr(two, part)(), part
    for made in (one, two):
        await made.http_client().aclose()


def test_a_part_that_is_overridden_is_used_by_the_others() -> None:
    verifier, made = FakeTokenVerifier(), Container()
    made.token_verifier.override(providers.Object(verifier))
    assert made.token_verifier() is verifier


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET.decode())
    monkeypatch.setenv("PORT", "1234")
    assert Container().settings().port == 1234


def test_a_bad_environment_is_refused_when_it_is_first_needed() -> None:
    made = Container()
    with pytest.raises(ConfigurationError):
        made.settings()


def test_a_schema_is_made_and_found_to_be_current(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/todos.db"
    made = Container(settings=Settings.load(better_auth_secret=SECRET.decode(), database_url=url))
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: .*backend migrate"):
        asyncio.run(made.check_schema())
    asyncio.run(made.upgrade_schema())
    asyncio.run(made.check_schema())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@127.0.0.1:1/todos",
        "postgresql://me:hunter2@127.0.0.1:port/todos",
        "postgresql://me:hunter2@127.0.0.1:99999/todos",
        "postgresql://me:hunter2@[::1/todos",
        "postgresql://me:hunter2@127.0.0.1:1/todos?sslmode=maybe",
        "sqlite:////nowhere/at/all/todos.db",
    ],
)
def test_a_database_out_of_reach_is_a_complaint(url: str) -> None:
    made = Container(settings=Settings.load(better_auth_secret=SECRET.decode(), database_url=url))
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: ") as failure:
        asyncio.run(made.upgrade_schema())
    (complaint,) = failure.value.complaints
    assert "hunter2" not in complaint


@pytest.mark.parametrize(
    ("url", "proxied"),
    [
        ("http://127.0.0.1:3000", False),
        ("http://localhost:3000", False),
        ("http://[::1]:3000", False),
        ("https://auth.example.com", True),
    ],
)
async def test_a_proxy_is_asked_for_what_is_elsewhere_only(
    url: str, proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    async with Container(settings=Settings.load(better_auth_url=url)).http_client() as client:
        assert client.trust_env is proxied
