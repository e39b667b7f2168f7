"""The CPU time of verifying a token, in microseconds."""

import asyncio
import gc
import warnings
from collections.abc import Mapping

from benchmarks.harness.noise import SLOWDOWN_LIMIT, Group, filter_noise
from benchmarks.harness.report import Result
from benchmarks.harness.rounds import interleave, round_count
from benchmarks.peers.verifiers import PEERS
from benchmarks.verify import contenders, tables
from benchmarks.verify.contenders import (
    ALGORITHMS,
    ASYMMETRIC,
    BATCH,
    CACHED_ALGORITHMS,
    REFERENCE,
    SIZES,
    Contenders,
)
from benchmarks.verify.figures import REFERENCE_TIME, REPEATS, Key

ROUNDS = round_count() * 4

ABOUT = f"""
Microseconds of CPU time per token.

- The tokens have the claims of Better Auth, the whole user row. They have 0.5 KB, and up to 0.9 KB
  with long signatures.
- *Fresh* tokens are not in the cache. With the cache on, which is the default, the figure includes
  the lookup and the new entry. The other libraries have no such cache.
- *The floor* is one call of `cryptography` (for HS256: of OpenSSL's HMAC) on decoded bytes, without
  parsing, JSON or claims.
- Figures are medians of {ROUNDS} rounds. In each round, all contenders take turns in a new random
  order, with {BATCH} distinct tokens per turn. Contenders that are compared with the floor take
  {REPEATS} turns per round, next to the floor. The figure of a round is the median of its turns.
- *Reference µs*: the targets were set for another machine, where PyJWT decodes an HS256 token in
  {REFERENCE_TIME:.0f} µs. The same decode is measured here next to everything else. A figure in
  reference µs is figure * {REFERENCE_TIME:.0f} / the time of that decode in the same round. All
  other figures are microseconds of this machine.
- ± is the standard error of the median of the rounds within this run. Runs differ by more.
- *Other virtual machines* on the same CPU are invisible here. They make everything take up to twice
  as long. Code that runs after a long signature check finds the CPU caches empty, and takes up to
  three times as long.
- Contenders that are compared are measured within some hundredths of a second, together with
  PyJWT's decode. If that decode takes more than {SLOWDOWN_LIMIT} times as long as in the quietest
  tenth of the run, the samples of all these contenders are left out.
- The figures of all rounds are shown too. If more than half of the samples of a table are left out,
  its targets are undecided.
""".strip()


def measure() -> Result:
    warnings.filterwarnings("ignore", message="EdDSA is deprecated")  # joserfc: the name only
    with asyncio.Runner() as runner:
        result = Result(
            name="verify",
            title="Verifying a token",
            about=ABOUT,
            chart_title="A fresh token",
            chart_unit="µs, less is better",
        )
        parts = [
            _measure({a: contenders.fresh(runner, a) for a in ALGORITHMS}, repeats=REPEATS),
            _measure({a: contenders.cached(runner, a) for a in CACHED_ALGORITHMS}),
            *(
                _measure(
                    {a: contenders.invalid(runner, a, changes) for a in ALGORITHMS},
                    repeats=REPEATS,
                )
                for changes in SIZES.values()
            ),
            _measure({a: contenders.alternating(a) for a in ASYMMETRIC}),
        ]
    fresh, cached, *invalid, alternating = filter_noise(parts)
    tables.add_fresh(result, fresh)
    tables.add_cached(result, cached)
    for size, samples in zip(SIZES, invalid, strict=True):
        tables.add_invalid(result, samples, size=size)
    tables.add_alternating(result, alternating)
    return result


def _measure(
    contenders_by_algorithm: Mapping[str, Contenders], *, repeats: int = 1
) -> list[Group[Key]]:
    """Measure all algorithms in every round, so that a busy period affects all of them.

    Args:
        contenders_by_algorithm: The contenders of each algorithm, with the reference.
        repeats: The turns per round of each contender; other libraries take one turn.
    """
    gc.freeze()  # the collector ignores the objects that exist before the measurement
    groups = [
        {
            (algorithm, name, repeat): contender
            for name, contender in group.items()
            if not repeat or name not in PEERS
        }
        for algorithm, group in contenders_by_algorithm.items()
        for repeat in range(repeats)
    ]
    samples = interleave(*groups, rounds=ROUNDS)
    return [
        Group(
            samples={key: samples[key] for key in group},
            reference=next(samples[key] for key in group if key[1] == REFERENCE),
        )
        for group in groups
    ]
