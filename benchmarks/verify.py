"""What it takes to verify one token, in microseconds of processor time."""

import asyncio
import gc
import statistics
import warnings
from collections.abc import Callable, Sequence
from time import thread_time

from backend.adapters.auth.jwk import ASYMMETRIC_ALGORITHMS
from backend.adapters.auth.keys import JwksKeys
from backend.container import Container
from backend.domain.auth import AuthError, TokenVerifier
from backend.settings import Settings
from benchmarks.harness.chart import Bar
from benchmarks.harness.report import Result, Table, Target, number
from benchmarks.harness.rounds import difference, interleave, medians, wanted
from benchmarks.harness.tokens import ORIGIN, SECRET, forged, signer_of, tokens
from tests.adapters.auth.tokens import ABSENT, Signer, key_set

with warnings.catch_warnings(record=True):  # Authlib insists on announcing what follows it
    from benchmarks.peers.verifiers import PEERS, Verify, floor, pyjwt

ALGORITHMS = ("HS256", "RS256", "PS256", "ES256", "ES512", "EdDSA")
LENGTHS = ("HS256", "EdDSA", "RS256")  # of signatures: to remember has no other way of telling
BATCH, WARM_UP = 60, 10  # of each slice the first few are not counted: they load the caches
ROUNDS = wanted() * 4
REMEMBERED = (1_000, 10_000)
LEAN = dict.fromkeys(("id", "emailVerified", "image", "createdAt", "updatedAt"), ABSENT)

OURS = "this project, fresh"
FLOOR = "cryptography alone (the floor)"

# The targets were set on a machine on which PyJWT decodes an HS256 token in 46 µs. As much longer
# as that takes here, at the same time, as much longer may everything take that is Python like it.
YARDSTICK = "PyJWT, HS256"
YARDSTICK_TAKES = 46.0

Samples = dict[str, list[float]]


def measure() -> Result:
    warnings.filterwarnings("ignore", message="EdDSA is deprecated")  # joserfc, of the name alone
    gc.freeze()  # what is imported is not looked through again and again
    with asyncio.Runner() as runner:
        result = Result(
            name="verify",
            title="Verifying a token",
            about=(
                "Microseconds of processor time per token, the whole user row in its payload "
                "(0.5 to 0.9 KB, as the signature is long). Medians of "
                f"{ROUNDS} interleaved rounds of {BATCH} distinct tokens. *Fresh*: a token never "
                "seen before, the miss in the memory of tokens and the entry into it included. "
                "The floor is one call of `cryptography` (for HS256 of OpenSSL's HMAC) on bytes "
                "that are decoded already: no parsing, no JSON, no claims. What is promised was "
                "promised for a machine on which PyJWT decodes an HS256 token in "
                f"{YARDSTICK_TAKES:.0f} µs. That is measured in the same rounds here, and each "
                "promise is as much longer. What was measured is told as it was measured."
            ),
            chart_title="A token never seen before",
            chart_unit="µs, less is better",
        )
        _report_fresh(result, {a: _fresh(runner, a) for a in ALGORITHMS})
        _report_remembered(result, {a: _remembered(runner, a) for a in LENGTHS})
        _report_refused(result, {a: _refused(runner, a) for a in ALGORITHMS})
    return result


def container_of(by: Signer) -> Container:
    """Make the production verifier; only where its keys come from is not the network."""

    async def fetch() -> bytes:
        return key_set(by)

    if by.algorithm not in ASYMMETRIC_ALGORITHMS:
        policy = {"auth_issuer": (ORIGIN,), "auth_audience": (ORIGIN,)}
        return Container(settings=Settings(better_auth_secret=SECRET, **policy))
    return Container(settings=Settings(better_auth_url=ORIGIN), jwks_keys=JwksKeys(fetch))


async def opened(container: Container) -> None:
    """Fetch the keys, and keep them."""
    for resource in container.resources():
        if isinstance(resource, JwksKeys):
            await resource.__aenter__()
            await asyncio.sleep(0.05)


def _yardstick() -> Callable[[], float]:
    return _batch(pyjwt(signer_of("HS256")), tokens("HS256", WARM_UP + BATCH))


def _pace(samples: Samples) -> float:
    return statistics.median(samples[YARDSTICK]) / YARDSTICK_TAKES


def _fresh(runner: asyncio.Runner, algorithm: str) -> Samples:
    by, minted = signer_of(algorithm), tokens(algorithm, WARM_UP + BATCH)
    container = container_of(by)
    runner.run(opened(container))

    def ours() -> float:
        container.token_verifier.reset()
        return runner.run(_verified(container.token_verifier(), minted))

    calls = [floor(by, token) for token in minted]
    contenders: dict[str, Callable[[], float]] = {
        YARDSTICK: _yardstick(),
        FLOOR: lambda: _called(calls),
        OURS: ours,
    }
    for name, make in PEERS.items():
        verify = make(by)
        if verify is not None:
            contenders[name] = _batch(verify, minted)
    return interleave(contenders, rounds=ROUNDS)


def _batch(verify: Verify, minted: Sequence[str]) -> Callable[[], float]:
    verify(minted[0])
    return lambda: _called([lambda token=token: verify(token) for token in minted])


def _called(calls: Sequence[Callable[[], object]]) -> float:
    for call in calls[:WARM_UP]:
        call()
    started = thread_time()
    for call in calls[WARM_UP:]:
        call()
    return (thread_time() - started) / len(calls[WARM_UP:]) * 1e6


async def _verified(verifier: TokenVerifier, minted: Sequence[str]) -> float:
    verify = verifier.verify
    for token in minted[:WARM_UP]:
        await verify(token)
    started = thread_time()
    for token in minted[WARM_UP:]:
        await verify(token)
    return (thread_time() - started) / len(minted[WARM_UP:]) * 1e6


def _remembered(runner: asyncio.Runner, algorithm: str) -> Samples:
    minted = tokens(algorithm, max(REMEMBERED))
    contenders = {YARDSTICK: _yardstick()}
    for count in REMEMBERED:
        container, known = container_of(signer_of(algorithm)), minted[:count]
        runner.run(opened(container))
        verifier = container.token_verifier()
        runner.run(_verified(verifier, known))

        def again(verifier: TokenVerifier = verifier, known: Sequence[str] = known) -> float:
            # Every request's token is a string of its own, as it comes from the wire.
            return runner.run(_verified(verifier, [token.encode().decode() for token in known]))

        contenders[_among(count)] = again
    return interleave(contenders, rounds=ROUNDS)


def _among(count: int) -> str:
    return f"{number(count)} tokens"


def _refused(runner: asyncio.Runner, algorithm: str) -> dict[str, Samples]:
    by, found = signer_of(algorithm), {}
    container = container_of(by)
    runner.run(opened(container))
    verifier = container.token_verifier()
    for size, changes in (("0.4 KB", LEAN), ("8 KB", {"bio": "x" * 5_300})):
        forgeries = [forged(token) for token in tokens(algorithm, WARM_UP + BATCH, **changes)]
        calls = [floor(by, token) for token in forgeries]
        found[size] = interleave(
            {
                YARDSTICK: _yardstick(),
                FLOOR: lambda calls=calls: _called(calls),
                OURS: lambda forgeries=forgeries: runner.run(_refusals(verifier, forgeries)),
            },
            rounds=ROUNDS,
        )
    return found


async def _refusals(verifier: TokenVerifier, forgeries: Sequence[str]) -> float:
    verify = verifier.verify
    refused, started = -WARM_UP, 0.0
    for token in forgeries:
        if refused == 0:
            started = thread_time()
        try:
            await verify(token)
        except AuthError:
            refused += 1
    taken = thread_time() - started
    assert refused == len(forgeries) - WARM_UP
    return taken / refused * 1e6


def _report_fresh(result: Result, fresh: dict[str, Samples]) -> None:
    names = [FLOOR, OURS, *PEERS]
    rows = []
    for name in names:
        cells = [medians(fresh[a]).get(name) for a in ALGORITHMS]
        rows.append([name, *("n/a" if cell is None else number(cell) for cell in cells)])
    above = {a: difference(fresh[a][OURS], fresh[a][FLOOR]) for a in ALGORITHMS}
    rows.append(["**above the floor**", *(f"**{number(above[a])}**" for a in ALGORITHMS)])
    result.tables.append(Table(title="Fresh", head=["µs", *ALGORITHMS], rows=rows))
    result.targets += [
        Target(
            what=f"fresh {a}, above the floor",
            figure=above[a],
            bound=12,
            unit="µs",
            pace=_pace(fresh[a]),
        )
        for a in ALGORITHMS
    ]
    result.bars += [
        Bar(label=name, value=medians(fresh[a])[name], group=a, ours=name == OURS)
        for a in ("HS256", "RS256", "EdDSA")
        for name in names
        if name in fresh[a]
    ]


def _report_remembered(result: Result, remembered: dict[str, Samples]) -> None:
    names = [_among(count) for count in REMEMBERED]
    took = {a: medians(remembered[a]) for a in LENGTHS}
    rows = [[name, *(number(took[a][name]) for a in LENGTHS)] for name in names]
    result.tables.append(Table(title="Remembered", head=["µs", *LENGTHS], rows=rows))
    for name, bound in zip(names, (1.0, 1.5), strict=True):
        worst = max(LENGTHS, key=lambda algorithm: took[algorithm][name])
        result.targets.append(
            Target(
                what=f"remembered among {name} (slowest: {worst})",
                figure=took[worst][name],
                bound=bound,
                unit="µs",
                pace=_pace(remembered[worst]),
            )
        )


def _report_refused(result: Result, refused: dict[str, dict[str, Samples]]) -> None:
    rows = []
    for size in ("0.4 KB", "8 KB"):
        for name in (FLOOR, OURS):
            cells = [number(medians(refused[a][size])[name]) for a in ALGORITHMS]
            rows.append([f"{size}, {name.removesuffix(', fresh')}", *cells])
        above = {a: difference(refused[a][size][OURS], refused[a][size][FLOOR]) for a in ALGORITHMS}
        rows.append([f"**{size}, above it**", *(f"**{number(above[a])}**" for a in ALGORITHMS)])
        worst = max(above, key=lambda algorithm: above[algorithm])
        what = f"a bad signature at {size}, above the floor (slowest: {worst})"
        pace = _pace(refused[worst][size])
        result.targets.append(Target(what=what, figure=above[worst], bound=8, unit="µs", pace=pace))
    result.tables.append(
        Table(title="A bad signature refused", head=["µs", *ALGORITHMS], rows=rows)
    )
