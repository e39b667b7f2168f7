"""The measured operations: this project's verifiers, the floor, and other libraries.

Each contender is a function that handles a batch of tokens and returns the CPU time per token in
microseconds.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from time import thread_time

from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS
from backend.adapters.auth.jwks.keys import JwksKeys
from backend.container import Container
from backend.domain.auth import AuthError, TokenVerifier
from backend.settings import Settings
from backend.testing.encoding import ABSENT
from backend.testing.signers import Signer, key_set
from benchmarks.harness.report import number
from benchmarks.harness.tokens import ORIGIN, SECRET, make_tokens, signer_for, tamper
from benchmarks.peers.verifiers import PEERS, Verify, floor, pyjwt

ALGORITHMS = ("HS256", "RS256", "PS256", "ES256", "ES512", "EdDSA")
ASYMMETRIC = ALGORITHMS[1:]
# An algorithm for each signature length, because cache hits depend only on that length.
CACHED_ALGORITHMS = ("HS256", "EdDSA", "RS256")
CACHED_TOKENS = (1_000, 10_000)
# Turns are short, so that compared contenders run within the same few seconds. The first tokens of
# a turn load the CPU caches and are not counted.
BATCH, WARM_UP = 20, 5
SIZES: Mapping[str, Mapping[str, object]] = {
    "0.4 KB": dict.fromkeys(("id", "emailVerified", "image", "createdAt", "updatedAt"), ABSENT),
    "8 KB": {"bio": "x" * 5_300},
}

CACHE_OFF = "this project, cache off"
CACHE_ON = "this project, cache on"
FLOOR = "cryptography alone (the floor)"
REFERENCE = "PyJWT, HS256 token, same rounds"
ALTERNATING = (
    "signature check, alone",
    "signature check, after verifying an HS256 token",
    "verifying an HS256 token, alone",
    "verifying an HS256 token, after a signature check",
)

Contenders = dict[str, Callable[[], float]]
Calls = Sequence[Callable[[], object]]


def fresh(runner: asyncio.Runner, algorithm: str) -> Contenders:
    """Verify tokens that are not in the cache."""
    signer, tokens = signer_for(algorithm), make_tokens(algorithm, WARM_UP + BATCH)
    container = _container(signer)
    runner.run(_fetch_keys(container))

    def with_empty_cache() -> float:
        container.cached_verifier.reset()
        return runner.run(_time_verifications(container.cached_verifier(), tokens))

    calls = [floor(signer, token) for token in tokens]
    contenders: Contenders = {
        REFERENCE: _reference(),
        FLOOR: lambda: _time_calls(calls),
        CACHE_OFF: lambda: runner.run(_time_verifications(container.jwt_verifier(), tokens)),
        CACHE_ON: with_empty_cache,
    }
    for name, make_verify in PEERS.items():
        verify = make_verify(signer)
        if verify is not None:
            contenders[name] = _batch(verify, tokens)
    return contenders


def cached(runner: asyncio.Runner, algorithm: str) -> Contenders:
    """Verify cached tokens, in caches of different sizes."""
    all_tokens = make_tokens(algorithm, max(CACHED_TOKENS))
    contenders: Contenders = {REFERENCE: _reference()}
    for count in CACHED_TOKENS:
        container, tokens = _container(signer_for(algorithm)), all_tokens[:count]
        runner.run(_fetch_keys(container))
        verifier = container.token_verifier()
        runner.run(_time_verifications(verifier, tokens))

        def verify_again(
            verifier: TokenVerifier = verifier, tokens: Sequence[str] = tokens
        ) -> float:
            # Copy the strings, because every request has a new string.
            copies = [token.encode().decode() for token in tokens]
            return runner.run(_time_verifications(verifier, copies))

        contenders[cached_name(count)] = verify_again
    return contenders


def cached_name(count: int) -> str:
    return f"{number(count)} tokens"


def invalid(runner: asyncio.Runner, algorithm: str, changes: Mapping[str, object]) -> Contenders:
    """Reject tokens with an invalid signature.

    Args:
        runner: Runs the coroutines.
        algorithm: The algorithm of the tokens.
        changes: The claims that differ from those of a user.
    """
    signer, container = signer_for(algorithm), _container(signer_for(algorithm))
    runner.run(_fetch_keys(container))
    verifier = container.token_verifier()
    tokens = [tamper(token) for token in make_tokens(algorithm, WARM_UP + BATCH, **changes)]
    calls = [floor(signer, token) for token in tokens]
    return {
        REFERENCE: _reference(),
        FLOOR: lambda: _time_calls(calls),
        CACHE_ON: lambda: runner.run(_time_rejections(verifier, tokens)),
    }


def alternating(algorithm: str) -> Contenders:
    """Alternate between a signature check and the verification of an HS256 token."""
    signer, verify = signer_for(algorithm), _container(signer_for("HS256")).jwt_verifier().verify
    checks: Calls = [floor(signer, token) for token in make_tokens(algorithm, BATCH)]
    verifications: Calls = [
        lambda token=token: _run_to_end(verify(token)) for token in make_tokens("HS256", BATCH)
    ]
    nothing: Calls = [lambda: None] * BATCH
    turns = [
        lambda: _time_each(checks, after=nothing),
        lambda: _time_each(checks, after=verifications),
        lambda: _time_each(verifications, after=nothing),
        lambda: _time_each(verifications, after=checks),
    ]
    return {REFERENCE: _reference(), **dict(zip(ALTERNATING, turns, strict=True))}


def _container(signer: Signer) -> Container:
    """Return the production container; only the key set does not come from the network."""

    async def fetch() -> bytes:
        return key_set(signer)

    if signer.algorithm not in ASYMMETRIC_ALGORITHMS:
        policy = {"auth_issuer": (ORIGIN,), "auth_audience": (ORIGIN,)}
        return Container(settings=Settings(better_auth_secret=SECRET, **policy))
    return Container(settings=Settings(better_auth_url=ORIGIN), jwks_keys=JwksKeys(fetch))


async def _fetch_keys(container: Container) -> None:
    for resource in container.resources():
        if isinstance(resource, JwksKeys):
            await resource.__aenter__()
            await asyncio.sleep(0.05)


def _reference() -> Callable[[], float]:
    return _batch(pyjwt(signer_for("HS256")), make_tokens("HS256", WARM_UP + BATCH))


def _batch(verify: Verify, tokens: Sequence[str]) -> Callable[[], float]:
    verify(tokens[0])
    return lambda: _time_calls([lambda token=token: verify(token) for token in tokens])


def _time_calls(calls: Calls) -> float:
    for call in calls[:WARM_UP]:
        call()
    started = thread_time()
    for call in calls[WARM_UP:]:
        call()
    return (thread_time() - started) / len(calls[WARM_UP:]) * 1e6


async def _time_verifications(verifier: TokenVerifier, tokens: Sequence[str]) -> float:
    verify = verifier.verify
    for token in tokens[:WARM_UP]:
        await verify(token)
    started = thread_time()
    for token in tokens[WARM_UP:]:
        await verify(token)
    return (thread_time() - started) / len(tokens[WARM_UP:]) * 1e6


async def _time_rejections(verifier: TokenVerifier, tokens: Sequence[str]) -> float:
    verify = verifier.verify
    rejected, started = -WARM_UP, 0.0
    for token in tokens:
        if rejected == 0:
            started = thread_time()
        try:
            await verify(token)
        except AuthError:
            rejected += 1
    duration = thread_time() - started
    assert rejected == len(tokens) - WARM_UP
    return duration / rejected * 1e6


def _time_each(calls: Calls, *, after: Calls) -> float:
    total = 0.0
    for call, before in zip(calls, after, strict=True):
        before()
        started = thread_time()
        call()
        total += thread_time() - started
    return total / len(calls) * 1e6


def _run_to_end(coroutine: Coroutine[None, None, object]) -> None:
    with contextlib.suppress(StopIteration):
        coroutine.send(None)
