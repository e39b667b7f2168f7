"""What it takes to verify one token, in microseconds of processor time."""

import asyncio
import contextlib
import gc
import statistics
import warnings
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from time import thread_time

from backend.adapters.auth.jose.jwk import ASYMMETRIC_ALGORITHMS
from backend.adapters.auth.jwks.keys import JwksKeys
from backend.container import Container
from backend.domain.auth import AuthError, TokenVerifier
from backend.settings import Settings
from benchmarks.harness.chart import Bar
from benchmarks.harness.quiet import SLOWED, Group, Sifted, sift
from benchmarks.harness.report import Result, Table, Target, number
from benchmarks.harness.rounds import interleave, wanted
from benchmarks.harness.tokens import ORIGIN, SECRET, forged, signer_of, tokens
from tests.adapters.auth.tokens import ABSENT, Signer, key_set

with warnings.catch_warnings(record=True):  # Authlib insists on announcing what follows it
    from benchmarks.peers.verifiers import PEERS, Verify, floor, pyjwt

ALGORITHMS = ("HS256", "RS256", "PS256", "ES256", "ES512", "EdDSA")
LENGTHS = ("HS256", "EdDSA", "RS256")  # of signatures: to remember has no other way of telling
# Slices are short, so that what is compared is measured within the same few seconds; their first
# tokens are not counted, since they load the caches. What is judged by its distance from the floor
# is measured so many times a round: next to a signature of 650 µs, 12 are hard to see.
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
IN_TURNS = (
    "a signature's check, alone",
    "a signature's check, after our verification of an HS256 token",
    "our verification of an HS256 token, alone",
    "our verification of an HS256 token, after a signature's check",
)

# The targets were set for a machine on which PyJWT decodes an HS256 token in 46 µs. As much longer
# as that takes here, in the same round, as much longer may everything take that is Python like it.
YARDSTICK = "PyJWT, an HS256 token, in the same rounds"
YARDSTICK_TAKES = 46.0

Key = tuple[str, str, int]  # an algorithm, a contender, and the time within a round
Samples = Mapping[Key, Mapping[int, float]]  # in each round
Contenders = dict[str, Callable[[], float]]
Calls = Sequence[Callable[[], object]]

ABOUT = f"""
Microseconds of processor time per token.

- The tokens carry Better Auth's whole user row: 0.5 KB, and up to 0.9 KB with long signatures.
- *Fresh* is a token never seen before. With our memory on, as it is unless it is turned off, to
  look for it there and to enter it is in the figure; the peers have nothing of the kind.
- *The floor* is one call of `cryptography` (for HS256 of OpenSSL's HMAC) on bytes that are decoded
  already: no parsing, no JSON, no claims.
- Figures are medians of {ROUNDS} rounds. In each, all contenders take turns, in an order shuffled
  anew, with {BATCH} distinct tokens at a time; what is judged by its distance from the floor, right
  beside the floor, {AGAIN} times a round, of which the round's figure is the median.
- *Reference µs*: the targets were set for another machine, on which PyJWT decodes an HS256 token in
  {YARDSTICK_TAKES:.0f} µs. That decode is timed here beside everything else; a figure in reference
  µs is figure * {YARDSTICK_TAKES:.0f} / what the decode took in the same round. All other figures
  are of this machine.
- ± is the standard error of a median of rounds, within this run; runs differ by more.
- *Others* are other virtual machines on the same cores. They take nothing of the processors that
  this one could see, but make everything here take up to twice as long, and what follows a long
  signature, which finds the caches emptied, up to three times as long. What is measured in a row
  takes some hundredths of a second, PyJWT's decode included; where that took more than {SLOWED}
  times as long as in the quietest tenth of the run, the row is left out, for all contenders alike,
  whatever those took. What all rounds say stands beside. If more than half of what a table is made
  of is left out, its targets are undecided.
""".strip()


def measure() -> Result:
    warnings.filterwarnings("ignore", message="EdDSA is deprecated")  # joserfc, of the name alone
    with asyncio.Runner() as runner:
        result = Result(
            name="verify",
            title="Verifying a token",
            about=ABOUT,
            chart_title="A token never seen before",
            chart_unit="µs, less is better",
        )
        parts = [
            _measured({a: _fresh(runner, a) for a in ALGORITHMS}, again=AGAIN),
            _measured({a: _remembered(runner, a) for a in LENGTHS}),
            *(
                _measured({a: _refused(runner, a, changes) for a in ALGORITHMS}, again=AGAIN)
                for changes in SIZES.values()
            ),
            _measured({a: _in_turns(a) for a in ALGORITHMS if a != "HS256"}),
        ]
    fresh, remembered, *refused, in_turns = sift(parts)
    _report_fresh(result, fresh)
    _report_remembered(result, remembered)
    for size, found in zip(SIZES, refused, strict=True):
        _report_refused(result, size, found)
    _report_in_turns(result, in_turns)
    return result


def _measured(contenders: Mapping[str, Contenders], *, again: int = 1) -> list[Group[Key]]:
    """Measure those of all algorithms in each round, so that a busy time strikes all alike.

    Args:
        contenders: Those of each algorithm, with the yardstick.
        again: How many times a round; the peers once in any case.
    """
    gc.freeze()  # what is there already is not looked through again and again
    groups = [
        {
            (algorithm, name, time): one
            for name, one in some.items()
            if not time or name not in PEERS
        }
        for algorithm, some in contenders.items()
        for time in range(again)
    ]
    samples = interleave(*groups, rounds=ROUNDS)
    return [
        Group(
            samples={key: samples[key] for key in group},
            yardstick=next(samples[key] for key in group if key[1] == YARDSTICK),
        )
        for group in groups
    ]


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
    turns = [
        lambda: _each(checks, after=nothing),
        lambda: _each(checks, after=ours),
        lambda: _each(ours, after=nothing),
        lambda: _each(ours, after=checks),
    ]
    return {YARDSTICK: _yardstick(), **dict(zip(IN_TURNS, turns, strict=True))}


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


def _report_fresh(result: Result, fresh: Sifted[Key]) -> None:
    names = [FLOOR, OURS, REMEMBERING, *PEERS]
    rows = [[name, *(_cell(fresh.quiet, a, name) for a in ALGORITHMS)] for name in names]
    for name in (OURS, REMEMBERING):
        rows += _report_above(result, fresh, name, what="fresh", bound=12)
    result.tables.append(_table("Fresh", ALGORITHMS, rows, fresh))
    result.bars += [
        Bar(label=name, value=statistics.median(took), group=a, ours=name in (OURS, REMEMBERING))
        for a in ("HS256", "RS256", "EdDSA")
        for name in names
        if (took := _all(fresh.quiet, a, name))
    ]


def _report_remembered(result: Result, remembered: Sifted[Key]) -> None:
    names = [_among(count) for count in REMEMBERED]
    rows = [[name, *(_cell(remembered.quiet, a, name) for a in LENGTHS)] for name in names]
    result.tables.append(_table("Seen before", LENGTHS, rows, remembered))
    for name, bound in zip(names, (1.0, 1.5), strict=True):
        worst = max(LENGTHS, key=lambda a: statistics.median(_all(remembered.quiet, a, name)))
        what = f"seen before, among {name} (slowest: {worst})"
        figure = Figure(algorithm=worst, name=name)
        result.targets.append(figure.target(remembered, what=what, bound=bound))


def _report_refused(result: Result, size: str, refused: Sifted[Key]) -> None:
    names = (FLOOR, REMEMBERING)
    rows = [[name, *(_cell(refused.quiet, a, name) for a in ALGORITHMS)] for name in names]
    rows += _report_above(result, refused, REMEMBERING, what=f"a bad signature, {size}", bound=8)
    result.tables.append(_table(f"A bad signature refused, {size}", ALGORITHMS, rows, refused))


def _report_in_turns(result: Result, in_turns: Sifted[Key]) -> None:
    algorithms = [algorithm for algorithm in ALGORITHMS if algorithm != "HS256"]
    rows = [[name, *(_cell(in_turns.quiet, a, name) for a in algorithms)] for name in IN_TURNS]
    note = (
        "Each pushes the other out of the processor's caches, which is part of what is above the "
        "floor. (Each call is timed on its own here, which adds some tenths of a microsecond.)"
    )
    result.tables.append(_table("In turns", algorithms, rows, in_turns, note=note))


def _report_above(
    result: Result, found: Sifted[Key], name: str, *, what: str, bound: float
) -> list[list[str]]:
    """Add a target for each algorithm; return the rows that tell what it takes above the floor."""
    short = name.removeprefix("this project, ")
    figures = {a: Figure(algorithm=a, name=name, beyond=FLOOR) for a in ALGORITHMS}
    targets = [
        figure.target(found, what=f"{what}, {a}, {short}: above the floor", bound=bound)
        for a, figure in figures.items()
    ]
    result.targets += targets
    here = [statistics.median(figure.rounds(found.quiet)) for figure in figures.values()]
    return [
        [f"**{name}: above the floor**", *(f"**{number(one)}**" for one in here)],
        ["the same, in reference µs: judged", *(number(one.figure) for one in targets)],
        ["the same, in reference µs, in all rounds", *(number(one.every or 0) for one in targets)],
    ]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What is judged: what a contender takes, or what it takes above another one.

    Attributes:
        algorithm: Of the tokens.
        name: The contender.
        beyond: The other one, if there is one.
    """

    algorithm: str
    name: str
    beyond: str | None = None

    def rounds(self, samples: Samples, *, there: bool = False) -> list[float]:
        """Return what each round found, the median of all the times in it.

        Args:
            samples: Those of some rounds.
            there: Whether in microseconds of the reference machine.
        """
        found: dict[int, list[float]] = {}
        for time in range(AGAIN):
            took = samples.get((self.algorithm, self.name, time), {})
            for place, value in took.items():
                less = samples[self.algorithm, self.beyond, time][place] if self.beyond else 0.0
                yardstick = samples[self.algorithm, YARDSTICK, time][place]
                scale = YARDSTICK_TAKES / yardstick if there else 1.0
                found.setdefault(place, []).append((value - less) * scale)
        return [statistics.median(values) for values in found.values()]

    def target(self, found: Sifted[Key], *, what: str, bound: float) -> Target:
        """Judge it by the rounds that count, and say what all of them found."""
        every = statistics.median(self.rounds(found.every, there=True))
        quiet = self.rounds(found.quiet, there=True)
        doubted = found.left_out > 1 / 2
        unit = "reference µs"
        return Target.of(quiet, every=every, doubted=doubted, what=what, bound=bound, unit=unit)


def _all(samples: Samples, algorithm: str, name: str) -> list[float]:
    found = [values for (a, n, _), values in samples.items() if (a, n) == (algorithm, name)]
    return [value for values in found for value in values.values()]


def _cell(samples: Samples, algorithm: str, name: str) -> str:
    took = _all(samples, algorithm, name)
    return number(statistics.median(took)) if took else "n/a"


def _table(
    title: str,
    algorithms: Sequence[str],
    rows: Sequence[Sequence[str]],
    found: Sifted[Key],
    *,
    note: str = "",
) -> Table:
    """Make a table, with what the yardstick took and how many rounds others slowed."""
    yardstick = [YARDSTICK, *(_cell(found.quiet, a, YARDSTICK) for a in algorithms)]
    slowed = f"Others slowed {found.left_out:.0%} of the rows, which are left out"
    said = f"{slowed}, except that two of each kind are kept at least."
    head = ["µs", *algorithms]
    return Table(title=title, head=head, rows=[*rows, yardstick], note=f"{said} {note}".rstrip())
