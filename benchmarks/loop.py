"""The longest stall of the event loop while keys are fetched or refreshed, or the issuer hangs."""

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
from backend.testing.signers import key_set, signer
from benchmarks.harness.chart import Bar
from benchmarks.harness.report import Result, Table, Target, number
from benchmarks.harness.rounds import round_count
from benchmarks.harness.servers import Server
from benchmarks.harness.tokens import ORIGIN, make_tokens, signer_for

ROUNDS = round_count()
USERS = 50
TICK = 0.001  # seconds
BOUND = 10.0  # milliseconds
BASELINE = "traffic only, no change of keys"


ABOUT = f"""
A task on the event loop (uvloop) sleeps for {TICK * 1000:.0f} ms again and again while tokens are
verified. The stall is the longest time by which a sleep was late. The key server is a separate
process. Figures are medians of {ROUNDS} interleaved rounds. The CPU time between two ticks excludes
other programs.
""".strip()


@dataclass
class Stall:
    """The longest time between two ticks in seconds, by the clock and in CPU time."""

    wall: float = 0.0
    cpu: float = 0.0


def measure() -> Result:
    result = Result(
        name="loop",
        title="The event loop",
        about=ABOUT,
        chart_title="The longest stall of the event loop",
        chart_unit="ms, less is better",
    )
    environment = {"BENCH_KEY_SET": key_set(signer_for("EdDSA"), signer("EdDSA", "idle")).decode()}
    with contextlib.ExitStack() as stack:
        responding, hanging = (
            stack.enter_context(
                Server(
                    [sys.executable, "-m", "benchmarks.peers.key_server", "{port}", behaviour],
                    env=environment,
                )
            )
            for behaviour in ("respond", "hang")
        )
        scenarios: dict[str, Callable[[], Awaitable[Stall]]] = {
            BASELINE: lambda: _traffic(responding.port, max_age=300),
            f"cold start, {USERS} users at once": lambda: _cold_start(responding.port),
            "key refresh under traffic": lambda: _traffic(responding.port, max_age=1),
            f"hanging issuer, {USERS} users": lambda: _hanging_issuer(hanging.port),
            "PyJWKClient in a coroutine, issuer hangs for 1 s": lambda: _pyjwk_client(hanging.port),
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
    noise = statistics.median(stall.wall for stall in stalls[BASELINE]) * 1000
    if noise > BOUND / 2:
        result.doubts.append(f"Traffic alone stalled the event loop for {number(noise)} ms")
    for name, rounds in stalls.items():
        wall = [stall.wall * 1000 for stall in rounds]
        cpu = statistics.median(stall.cpu for stall in rounds) * 1000
        middle = statistics.median(wall)
        rows.append([name, number(middle), number(max(wall)), number(cpu)])
        if not name.startswith((BASELINE, "PyJWK")):
            what = f"longest stall of a round, {name}"
            result.targets.append(Target.of(wall, what=what, bound=BOUND, unit="ms"))
            result.bars.append(Bar(label=name, value=round(middle, 2), highlighted=True))
    header = ["while", "median", "worst round", "CPU time"]
    result.tables.append(Table(title="Longest stall in milliseconds", header=header, rows=rows))


@contextlib.asynccontextmanager
async def _ticking(stall: Stall) -> AsyncIterator[None]:
    async def tick() -> None:
        while True:
            clock, cpu = time.perf_counter(), time.thread_time()
            await asyncio.sleep(TICK)
            stall.wall = max(stall.wall, time.perf_counter() - clock - TICK)
            stall.cpu = max(stall.cpu, time.thread_time() - cpu)

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0.02)
    stall.wall = stall.cpu = 0.0
    try:
        yield
        await asyncio.sleep(2 * TICK)  # for the last tick
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
    container, tokens, stall = _container(port), make_tokens("EdDSA", USERS), Stall()
    verifier = container.token_verifier()
    async with _ticking(stall), _resources(container):
        await asyncio.gather(*(verifier.verify(token) for token in tokens))
    return stall


async def _traffic(port: int, *, max_age: float) -> Stall:
    """Verify the token of every user for more than two seconds; each refresh returns new keys."""
    container, stall = _container(port, max_age=max_age), Stall()
    tokens = make_tokens("EdDSA", USERS)
    verifier = container.token_verifier()
    async with _resources(container):
        await asyncio.gather(*(verifier.verify(token) for token in tokens))
        async with _ticking(stall), asyncio.TaskGroup() as users:

            async def verify_repeatedly(token: str) -> None:
                for _ in range(25):
                    await verifier.verify(token)
                    await asyncio.sleep(0.1)

            for index, token in enumerate(tokens):
                users.create_task(verify_repeatedly(token))
                if index % 5 == 4:
                    await asyncio.sleep(0.01)  # so that the users are not in step
    return stall


async def _hanging_issuer(port: int) -> Stall:
    container, tokens, stall = _container(port), make_tokens("EdDSA", USERS), Stall()
    verifier = container.token_verifier()

    async def verify(token: str) -> None:
        with contextlib.suppress(VerifierUnavailableError, TimeoutError):
            async with asyncio.timeout(1):
                await verifier.verify(token)

    async with _ticking(stall), _resources(container):
        await asyncio.gather(*(verify(token) for token in tokens))
    return stall


async def _pyjwk_client(port: int) -> Stall:
    client = jwt.PyJWKClient(f"http://127.0.0.1:{port}/", timeout=1)
    (token,) = make_tokens("EdDSA", 1)
    stall = Stall()
    async with _ticking(stall):
        with contextlib.suppress(jwt.PyJWTError):
            client.get_signing_key_from_jwt(token)
    return stall
