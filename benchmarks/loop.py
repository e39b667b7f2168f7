"""The longest time for which the event loop answers nobody, while keys come, change or hang."""

import asyncio
import contextlib
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import jwt
import uvloop

from backend.container import Container
from backend.domain.auth import VerifierUnavailableError
from backend.settings import Settings
from benchmarks.harness.chart import Bar
from benchmarks.harness.report import Result, Table, Target, number
from benchmarks.harness.rounds import wanted
from benchmarks.harness.servers import Server
from benchmarks.harness.tokens import ORIGIN, signer_of, tokens
from tests.adapters.auth.tokens import key_set, signer

ROUNDS = wanted()
USERS = 50
TICK = 0.001
BOUND = 10.0
NOTHING = "traffic alone, nothing happens to the keys"


@dataclass
class Stall:
    """The longest gap between two ticks: on the clock, and of processor time."""

    wall: float = 0.0
    processor: float = 0.0


def measure() -> Result:
    result = Result(
        name="loop",
        title="The event loop",
        about=(
            f"The longest stall that a {TICK * 1000:.0f} ms ticker sees in the loop that verifies "
            "(uvloop), in milliseconds beyond its tick. The key server is a real one in a process "
            f"of its own. Medians of {ROUNDS} interleaved rounds; the processor time between two "
            "ticks does not count what other programs took."
        ),
        chart_title="The longest stall of the event loop",
        chart_unit="ms, less is better",
    )
    environment = {"BENCH_KEY_SET": key_set(signer_of("EdDSA"), signer("EdDSA", "idle")).decode()}
    with contextlib.ExitStack() as stack:
        answering, hanging = (
            stack.enter_context(
                Server(
                    [sys.executable, "-m", "benchmarks.peers.key_server", "{port}", behaviour],
                    env=environment,
                )
            )
            for behaviour in ("answer", "hang")
        )
        scenarios: dict[str, Callable[[], Awaitable[Stall]]] = {
            NOTHING: lambda: _traffic(answering.port, max_age=300),
            f"cold start, {USERS} users at once": lambda: _cold_start(answering.port),
            "key refresh under traffic": lambda: _traffic(answering.port, max_age=1),
            f"hanging issuer, {USERS} users": lambda: _hanging(hanging.port),
            "PyJWKClient in a coroutine, issuer hangs for 1 s": lambda: _pyjwk(hanging.port),
        }
        stalls: dict[str, list[Stall]] = {name: [] for name in scenarios}
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            for _ in range(ROUNDS):
                for name, scenario in scenarios.items():
                    stalls[name].append(runner.run(scenario()))
    _report(result, stalls)
    return result


def _report(result: Result, stalls: dict[str, list[Stall]]) -> None:
    rows = []
    noise = statistics.median(stall.wall for stall in stalls[NOTHING]) * 1000
    if noise > BOUND / 2:
        result.doubts.append(f"By traffic alone the loop stood still for {number(noise)} ms")
    for name, rounds in stalls.items():
        wall = [stall.wall * 1000 for stall in rounds]
        processor = statistics.median(stall.processor for stall in rounds) * 1000
        middle, ours = statistics.median(wall), not name.startswith((NOTHING, "PyJWK"))
        rows.append([name, number(middle), number(max(wall)), number(processor)])
        if ours:
            what = f"longest stall of a round, {name}"
            result.targets.append(Target.of(wall, what=what, bound=BOUND, unit="ms"))
            result.bars.append(Bar(label=name, value=round(middle, 2), ours=True))
    head = ["while", "median", "worst round", "processor time"]
    result.tables.append(Table(title="Longest stall in milliseconds", head=head, rows=rows))


@contextlib.asynccontextmanager
async def _ticking(stall: Stall) -> AsyncIterator[None]:
    async def tick() -> None:
        while True:
            clock, processor = time.perf_counter(), time.thread_time()
            await asyncio.sleep(TICK)
            stall.wall = max(stall.wall, time.perf_counter() - clock - TICK)
            stall.processor = max(stall.processor, time.thread_time() - processor)

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0.02)
    stall.wall = stall.processor = 0.0
    try:
        yield
        await asyncio.sleep(2 * TICK)  # so that the last gap is seen
    finally:
        ticker.cancel()


@contextlib.asynccontextmanager
async def _resources(container: Container) -> AsyncIterator[None]:
    async with container.http_client(), container.jwks_keys():
        yield


def _container(port: int, *, max_age: float = 300.0) -> Container:
    return Container(
        settings=Settings(
            better_auth_url=ORIGIN,
            auth_jwks_url=f"http://127.0.0.1:{port}/jwks",
            auth_jwks_max_age=max_age,
        )
    )


async def _cold_start(port: int) -> Stall:
    container, minted, stall = _container(port), tokens("EdDSA", USERS), Stall()
    verifier = container.token_verifier()
    async with _ticking(stall), _resources(container):
        await asyncio.gather(*(verifier.verify(token) for token in minted))
    return stall


async def _traffic(port: int, *, max_age: float) -> Stall:
    """Let users ask for longer than two seconds; each refresh of the keys finds another set."""
    container, minted, stall = _container(port, max_age=max_age), tokens("EdDSA", USERS), Stall()
    verifier = container.token_verifier()
    async with _resources(container):
        await asyncio.gather(*(verifier.verify(token) for token in minted))
        async with _ticking(stall), asyncio.TaskGroup() as users:

            async def ask(token: str) -> None:
                for _ in range(25):
                    await verifier.verify(token)
                    await asyncio.sleep(0.1)

            for place, token in enumerate(minted):
                users.create_task(ask(token))
                if place % 5 == 4:
                    await asyncio.sleep(0.01)  # they do not keep step with each other
    return stall


async def _hanging(port: int) -> Stall:
    container, minted, stall = _container(port), tokens("EdDSA", USERS), Stall()
    verifier = container.token_verifier()

    async def ask(token: str) -> None:
        with contextlib.suppress(VerifierUnavailableError, TimeoutError):
            async with asyncio.timeout(1):
                await verifier.verify(token)

    async with _ticking(stall), _resources(container):
        await asyncio.gather(*(ask(token) for token in minted))
    return stall


async def _pyjwk(port: int) -> Stall:
    client, (token,) = jwt.PyJWKClient(f"http://127.0.0.1:{port}/", timeout=1), tokens("EdDSA", 1)
    stall = Stall()
    async with _ticking(stall):
        with contextlib.suppress(jwt.PyJWTError):
            client.get_signing_key_from_jwt(token)
    return stall
