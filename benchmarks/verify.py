"""What it takes to verify one token, in microseconds of processor time."""

import asyncio
import contextlib
import gc
import statistics
import warnings
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from time import thread_time

from backend.adapters.auth.jwk import ASYMMETRIC_ALGORITHMS
from backend.adapters.auth.keys import JwksKeys
from backend.container import Container
from backend.domain.auth import AuthError, TokenVerifier
from backend.settings import Settings
from benchmarks.harness.chart import Bar
from benchmarks.harness.report import Result, Table, Target, number
from benchmarks.harness.rounds import ENOUGH, differences, interleave, medians, ratios, wanted
from benchmarks.harness.tokens import ORIGIN, SECRET, forged, signer_of, tokens
from tests.adapters.auth.tokens import ABSENT, Signer, key_set

with warnings.catch_warnings(record=True):  # Authlib insists on announcing what follows it
    from benchmarks.peers.verifiers import PEERS, Verify, floor, pyjwt

ALGORITHMS = ("HS256", "RS256", "PS256", "ES256", "ES512", "EdDSA")
LENGTHS = ("HS256", "EdDSA", "RS256")  # of signatures: to remember has no other way of telling
# Slices are short, so that what is compared is measured within the same few milliseconds; their
# first tokens are not counted, since they load the caches. What has a target is measured so many
# times a round: next to a signature of 650 µs, 12 are hard to see.
BATCH, WARM_UP = 20, 5
ROUNDS, AGAIN = wanted() * 4, 12
REMEMBERED = (1_000, 10_000)
SIZES: Mapping[str, Mapping[str, object]] = {
    "0.4 KB": dict.fromkeys(("id", "emailVerified", "image", "createdAt", "updatedAt"), ABSENT),
    "8 KB": {"bio": "x" * 5_300},
}

OURS = "this project, memory off"
REMEMBERING = "this project, memory on"
FLOOR = "cryptography alone (the floor)"

# The targets were set for a machine on which PyJWT decodes an HS256 token in 46 µs. As much longer
# as that takes here, in the same round, as much longer may everything take that is Python like it.
YARDSTICK = "PyJWT, an HS256 token, in the same rounds"
YARDSTICK_TAKES = 46.0
# Whoever shares a core unseen slows it, for seconds or for hours. What was measured while the
# yardstick took so many times as long as in the quietest round is told apart.
SLOWED = 1.25

Samples = dict[str, list[float]]
Contenders = dict[str, Callable[[], float]]
Calls = Sequence[Callable[[], object]]


def measure() -> Result:
    warnings.filterwarnings("ignore", message="EdDSA is deprecated")  # joserfc, of the name alone
    with asyncio.Runner() as runner:
        result = Result(
            name="verify",
            title="Verifying a token",
            about=(
                "Microseconds of processor time per token, the whole user row in its payload "
                "(0.5 to 0.9 KB, as the signature is long). Medians of "
                f"{ROUNDS} interleaved rounds of {BATCH} distinct tokens, {AGAIN} times a round "
                "for what has a target. *Fresh*: a token never seen before. With its memory on, as "
                "it is unless it is turned off, it is also looked for there and entered, which the "
                "others have nothing like. "
                "The floor is one call of `cryptography` (for HS256 of OpenSSL's HMAC) on bytes "
                "that are decoded already: no parsing, no JSON, no claims. The tables tell "
                "what it took here. The targets were set for another machine, on which PyJWT "
                f"decodes an HS256 token in {YARDSTICK_TAKES:.0f} µs; for them each round's figure "
                "is divided by how many times as long that took here, in the same round: see the "
                "last row of each table. What is above the floor is the median of what is above "
                "it in each round; ± is the standard error of a median. Rounds that others slowed, "
                f"in which PyJWT's decode took more than {SLOWED} times as long as in the quietest "
                "of them, are left out, for all alike, except where a row says all rounds."
            ),
            chart_title="A token never seen before",
            chart_unit="µs, less is better",
        )
        _report_fresh(result, _measured({a: _fresh(runner, a) for a in ALGORITHMS}, again=AGAIN))
        _report_remembered(result, _measured({a: _remembered(runner, a) for a in LENGTHS}))
        for size, changes in SIZES.items():
            forgeries = {a: _refused(runner, a, changes) for a in ALGORITHMS}
            _report_refused(result, size, _measured(forgeries, again=AGAIN))
        _report_in_turns(result, _measured({a: _in_turns(a) for a in ALGORITHMS if a != "HS256"}))
    return result


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured, of each algorithm.

    Attributes:
        quiet: The samples of the rounds that others did not slow.
        every: Those of all rounds.
        left_out: How many rounds others slowed.
    """

    quiet: Mapping[str, Samples]
    every: Mapping[str, Samples]
    left_out: int


def _measured(contenders: Mapping[str, Contenders], *, again: int = 1) -> Measured:
    """Measure those of all algorithms in each round, so that a busy time strikes all alike.

    Args:
        contenders: Those of each algorithm, with the yardstick.
        again: How many times a round, by turns; the peers once in any case.
    """
    gc.freeze()  # what is there already is not looked through again and again
    every = {
        (algorithm, name, time): one
        for algorithm, some in contenders.items()
        for time in range(again)
        for name, one in some.items()
        if time == 0 or name not in PEERS
    }
    samples = interleave(every, rounds=ROUNDS)
    yardsticks = [values for (_, name, _), values in samples.items() if name == YARDSTICK]
    took = [statistics.median(one) for one in zip(*yardsticks, strict=True)]
    slowed = max(SLOWED * min(took), sorted(took)[1])  # of one round alone there is no median
    quiet: dict[str, Samples] = {algorithm: {} for algorithm in contenders}
    whole: dict[str, Samples] = {algorithm: {} for algorithm in contenders}
    for (algorithm, name, _), values in samples.items():
        whole[algorithm].setdefault(name, []).extend(values)
        undisturbed = [value for value, one in zip(values, took, strict=True) if one <= slowed]
        quiet[algorithm].setdefault(name, []).extend(undisturbed)
    return Measured(quiet=quiet, every=whole, left_out=sum(one > slowed for one in took))


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


def _there(rounds: Sequence[float], samples: Samples) -> list[float]:
    """Return what would have taken so long where the targets were set."""
    return [YARDSTICK_TAKES * one for one in ratios(rounds, samples[YARDSTICK])]


def _fresh(runner: asyncio.Runner, algorithm: str) -> Contenders:
    by, minted = signer_of(algorithm), tokens(algorithm, WARM_UP + BATCH)
    container = container_of(by)
    runner.run(opened(container))

    def remembering() -> float:
        container.token_verifier.reset()
        return runner.run(_verified(container.token_verifier(), minted))

    calls = [floor(by, token) for token in minted]
    contenders: Contenders = {
        YARDSTICK: _yardstick(),
        FLOOR: lambda: _called(calls),
        OURS: lambda: runner.run(_verified(container.jwt_verifier(), minted)),
        REMEMBERING: remembering,
    }
    for name, make in PEERS.items():
        verify = make(by)
        if verify is not None:
            contenders[name] = _batch(verify, minted)
    return contenders


def _batch(verify: Verify, minted: Sequence[str]) -> Callable[[], float]:
    verify(minted[0])
    return lambda: _called([lambda token=token: verify(token) for token in minted])


def _called(calls: Calls) -> float:
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


def _remembered(runner: asyncio.Runner, algorithm: str) -> Contenders:
    minted = tokens(algorithm, max(REMEMBERED))
    contenders: Contenders = {YARDSTICK: _yardstick()}
    for count in REMEMBERED:
        container, known = container_of(signer_of(algorithm)), minted[:count]
        runner.run(opened(container))
        verifier = container.token_verifier()
        runner.run(_verified(verifier, known))

        def again(verifier: TokenVerifier = verifier, known: Sequence[str] = known) -> float:
            # Every request's token is a string of its own, as it comes from the wire.
            return runner.run(_verified(verifier, [token.encode().decode() for token in known]))

        contenders[_among(count)] = again
    return contenders


def _among(count: int) -> str:
    return f"{number(count)} tokens"


def _refused(runner: asyncio.Runner, algorithm: str, changes: Mapping[str, object]) -> Contenders:
    by, container = signer_of(algorithm), container_of(signer_of(algorithm))
    runner.run(opened(container))
    verifier = container.token_verifier()
    forgeries = [forged(token) for token in tokens(algorithm, WARM_UP + BATCH, **changes)]
    calls = [floor(by, token) for token in forgeries]
    return {
        YARDSTICK: _yardstick(),
        FLOOR: lambda: _called(calls),
        REMEMBERING: lambda: runner.run(_refusals(verifier, forgeries)),
    }


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


def _in_turns(algorithm: str) -> Contenders:
    """Measure a signature's check, and our verification of another token, after each other."""
    by, verify = signer_of(algorithm), container_of(signer_of("HS256")).jwt_verifier().verify
    checks: Calls = [floor(by, token) for token in tokens(algorithm, BATCH)]
    ours: Calls = [lambda t=token: _finished(verify(t)) for token in tokens("HS256", BATCH)]
    nothing: Calls = [lambda: None] * BATCH
    return {
        YARDSTICK: _yardstick(),
        "the check alone": lambda: _each(checks, after=nothing),
        "after our verification": lambda: _each(checks, after=ours),
        "our verification of an HS256 token alone": lambda: _each(ours, after=nothing),
        "after the check": lambda: _each(ours, after=checks),
    }


def _each(calls: Calls, *, after: Calls) -> float:
    total = 0.0
    for call, before in zip(calls, after, strict=True):
        before()
        started = thread_time()
        call()
        total += thread_time() - started
    return total / len(calls) * 1e6


def _finished(verifying: Coroutine[None, None, object]) -> None:
    with contextlib.suppress(StopIteration):
        verifying.send(None)


def _report_fresh(result: Result, measured: Measured) -> None:
    fresh = measured.quiet
    names = [FLOOR, OURS, REMEMBERING, *PEERS]
    rows = []
    for name in names:
        cells = [medians(fresh[a]).get(name) for a in ALGORITHMS]
        rows.append([name, *("n/a" if cell is None else number(cell) for cell in cells)])
    rows += [
        *_report_above(result, measured, OURS, what="fresh", bound=12),
        *_report_above(result, measured, REMEMBERING, what="fresh", bound=12),
        _yardstick_row(fresh),
    ]
    _add_table(result, measured, Table(title="Fresh", head=["µs", *ALGORITHMS], rows=rows))
    result.bars += [
        Bar(label=name, value=medians(fresh[a])[name], group=a, ours=name in (OURS, REMEMBERING))
        for a in ("HS256", "RS256", "EdDSA")
        for name in names
        if name in fresh[a]
    ]


def _report_remembered(result: Result, measured: Measured) -> None:
    names, remembered = [_among(count) for count in REMEMBERED], measured.quiet
    took = {a: medians(remembered[a]) for a in LENGTHS}
    rows = [[name, *(number(took[a][name]) for a in LENGTHS)] for name in names]
    rows.append(_yardstick_row(remembered))
    _add_table(result, measured, Table(title="Seen before", head=["µs", *LENGTHS], rows=rows))
    for name, bound in zip(names, (1.0, 1.5), strict=True):
        worst = max(LENGTHS, key=lambda algorithm: took[algorithm][name])
        result.targets.append(
            Target.of(
                _there(remembered[worst][name], remembered[worst]),
                what=f"seen before, among {name} (slowest: {worst})",
                bound=bound,
                unit="µs",
            )
        )


def _report_refused(result: Result, size: str, measured: Measured) -> None:
    refused = measured.quiet
    took = {a: medians(refused[a]) for a in ALGORITHMS}
    rows = [[name, *(number(took[a][name]) for a in ALGORITHMS)] for name in (FLOOR, REMEMBERING)]
    what = f"a bad signature, {size}"
    rows += _report_above(result, measured, REMEMBERING, what=what, bound=8)
    rows.append(_yardstick_row(refused))
    title = f"A bad signature refused, {size}"
    _add_table(result, measured, Table(title=title, head=["µs", *ALGORITHMS], rows=rows))


def _report_above(
    result: Result, measured: Measured, name: str, *, what: str, bound: float
) -> list[list[str]]:
    above, whole = _above(measured.quiet, name), _above(measured.every, name)
    result.targets += [
        Target.of(
            there,
            what=f"{what}, {a}, {name.removeprefix('this project, ')}: above the floor",
            bound=bound,
            unit="µs",
        )
        for a, (_, there) in above.items()
    ]
    return [
        [
            f"**{name}: above the floor**",
            *(f"**{number(statistics.median(here))}**" for here, _ in above.values()),
        ],
        [
            "the same in reference µs; in all rounds",
            *(
                f"{number(statistics.median(there))}; {number(statistics.median(whole[a][1]))}"
                for a, (_, there) in above.items()
            ),
        ],
    ]


def _above(
    measured: Mapping[str, Samples], name: str
) -> dict[str, tuple[list[float], list[float]]]:
    """Return by how much each sample is above the floor: here, and where the targets were set."""
    above = {a: differences(some[name], some[FLOOR]) for a, some in measured.items()}
    return {a: (here, _there(here, measured[a])) for a, here in above.items()}


def _yardstick_row(measured: Mapping[str, Samples]) -> list[str]:
    return [YARDSTICK, *(number(medians(some)[YARDSTICK]) for some in measured.values())]


def _add_table(result: Result, measured: Measured, table: Table) -> None:
    """Add a table, and say how many rounds it leaves out; if that is too many, doubt it all."""
    said = f"Others slowed {measured.left_out} of the {ROUNDS} rounds, which are left out."
    result.tables.append(replace(table, note=f"{said} {table.note}".rstrip()))
    if ROUNDS - measured.left_out < ENOUGH:
        result.doubts.append(f"Others slowed the machine: see *{table.title}*")


def _report_in_turns(result: Result, measured: Measured) -> None:
    samples = measured.quiet
    columns = [name for name in next(iter(samples.values())) if name != YARDSTICK]
    rows = [[a, *(number(medians(some)[c]) for c in columns)] for a, some in samples.items()]
    note = (
        "What either takes longer after the other one than alone is nobody's work: each pushes "
        "the other out of the processor's caches. It is part of what is above the floor. (Each "
        "call is timed on its own here, which adds some tenths of a microsecond to all.)"
    )
    table = Table(title="In turns", head=["µs", *columns], rows=rows, note=note)
    _add_table(result, measured, table)
