"""Requests per second with and without authentication, on one CPU core."""

import contextlib
import itertools
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness.chart import Bar
from benchmarks.harness.load import Generator, get
from benchmarks.harness.report import Result, Table, Target, number
from benchmarks.harness.rounds import median_ratio, medians, ratios, round_count, shuffled
from benchmarks.harness.servers import CORES, Server, uvicorn
from benchmarks.harness.tokens import LIFETIME, ORIGIN, SECRET, make_tokens, signer_for

ROUNDS = round_count()
TURNS, SECONDS = 8, 0.08  # short turns, because the load of the machine changes slowly
CACHED_TOKENS, TOO_MANY_TOKENS = 5_000, 50_000  # the cache holds 10 000 tokens
RS256_TOKENS = 1_000  # signing takes longer

OURS = "this project"
FOREIGN = "FastAPI + protect()"
TRACED = "this project, traced"
WITH_OUR_CACHE = (OURS, FOREIGN, TRACED)
ASYNC_PYJWT = "HTTPBearer + PyJWT, async"
BARE = "bare FastAPI, open"


class App(NamedTuple):
    """An application and its routes.

    Attributes:
        overfill: Whether to send only requests with more tokens than the cache holds.
    """

    name: str
    factory: str
    algorithm: str
    path: str = "/me"
    open_path: str = "/open"
    overfill: bool = False


PEERS = (
    App(BARE, "bare_app:create_app", ""),
    App(ASYNC_PYJWT, "pyjwt_apps:async_app", "HS256"),
    App(ASYNC_PYJWT, "pyjwt_apps:async_app", "EdDSA"),
    App("HTTPBearer + PyJWT, def", "pyjwt_apps:sync_app", "HS256"),
    App("HTTPBearer + PyJWT, def", "pyjwt_apps:sync_app", "EdDSA"),
    App("HTTPBearer + PyJWT, @inject", "pyjwt_apps:inject_app", "HS256"),
    App("HTTPBearer + PyJWT, @inject", "pyjwt_apps:inject_app", "EdDSA"),
    App("fastapi-users", "fastapi_users_app:create_app", "HS256"),
    App("fastapi-better-auth-bridge", "bridge_app:create_app", "EdDSA"),
    App("auth0-fastapi-api", "auth0_app:create_app", "RS256"),
)
OUR_APPS = tuple(
    App(OURS, "our_app:create_app", algorithm, "/api/me?auth", "/api/me?open", overfill)
    for algorithm in ("HS256", "EdDSA")
    for overfill in (False, True)
)
TRACED_APPS = (App(TRACED, "our_app:create_app", "HS256", "/api/me?auth", "/api/me?open"),)
FOREIGN_APPS = tuple(
    App(FOREIGN, "foreign_app:create_app", algorithm) for algorithm in ("HS256", "EdDSA")
)


class Turn(NamedTuple):
    """The result of a turn.

    Attributes:
        rate: Requests per second.
        cpu_rate: Requests per second of the server's CPU time.
        busy: The share of its core that the load generator used, from 0 to 1.
    """

    rate: float
    cpu_rate: float
    busy: float


Key = tuple[str, str, str]  # application, algorithm, kind of request
Rates = Mapping[Key, Sequence[float]]
OPEN, ONE, MANY, TOO_MANY = "open", "one token", "5 000 in rotation", "50 000 in rotation"
WARM_UP = 300  # requests
OUR_WARM_UP = {MANY: CACHED_TOKENS, TOO_MANY: 11_000}  # until the cache is full


ABOUT = f"""
Requests per second of one worker on one CPU core (uvicorn, uvloop, httptools, no access log). The
load generator uses another core and 16 keep-alive connections over loopback. The other
applications return the same six fields, with and without authentication; this project returns two
more. This project runs as the complete
application, with request ids, metrics and problem details. `{FOREIGN}` is an application of
somebody else, whose plain routes this project protects. `{TRACED}` exports a span for every
request to a receiver on the core of the load generator. `{BARE}` is one route without
authentication, in an application without middleware, which returns the eight fields of this
project. The others are one route and one dependency.

Each of the {ROUNDS} rounds starts all applications again, together on one core. They take turns:
{TURNS} turns of {SECONDS} s for each of their routes. So routes of one application are compared
within half a second, and applications within a few seconds. A ratio is the median of the ratios of
the turns. It may differ from the ratio of the medians in the table.

*Tax* is the share of the open route's requests per second that authentication costs, first by the
clock, then by the CPU time of the server. Requests to the open route have no `Authorization`
header, so the tax includes reading the header. *Protected requests per second* are those with
5 000 tokens in rotation.
""".strip()


def measure() -> Result:
    result = Result(
        name="http",
        title="Authentication over HTTP",
        about=ABOUT,
        chart_title="Authenticated requests, 5 000 tokens in rotation",
        chart_unit="per second on one core, more is better",
    )
    turns: dict[Key, list[Turn]] = {}
    requests = {app: _requests(app) for app in (*OUR_APPS, *TRACED_APPS, *FOREIGN_APPS, *PEERS)}
    receiver = Server([sys.executable, "-m", "benchmarks.peers.trace_receiver"], cores=CORES[-1:])
    with receiver, Generator() as generator:
        for round_number in range(ROUNDS):
            with contextlib.ExitStack() as stack:
                servers = {
                    app: stack.enter_context(start(app, stack, receiver)) for app in requests
                }
                for app, server in servers.items():
                    for kind, stream in requests[app].items():
                        is_cached = app.name in WITH_OUR_CACHE
                        count = OUR_WARM_UP.get(kind, WARM_UP) if is_cached else WARM_UP
                        generator.saturate(server.port, stream, count=count, seconds=20)
                for number in range(round_number * TURNS, (round_number + 1) * TURNS):
                    for app in shuffled(list(requests), number):
                        for kind in shuffled(list(requests[app]), number):
                            turn = _measure_turn(generator, servers[app], requests[app][kind])
                            turns.setdefault((app.name, app.algorithm, kind), []).append(turn)
    _report(result, turns)
    return result


def start(app: App, stack: contextlib.ExitStack, trace_receiver: Server) -> Server:
    """Return the server of an application; the database of this project is a new file."""
    if not app.algorithm:
        return uvicorn(f"benchmarks.peers.{app.factory}")
    env = {"BENCH_ALGORITHM": app.algorithm}
    signer = signer_for(app.algorithm)
    env["BENCH_JWK"] = json.dumps(signer.jwk()) if app.algorithm != "HS256" else "{}"
    if app.name == TRACED:
        env["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{trace_receiver.port}"
    if app.name in {OURS, TRACED}:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        env |= {"DATABASE_URL": f"sqlite:///{folder / 'todos.db'}", "LOG_LEVEL": "warning"}
    if app.name in WITH_OUR_CACHE:
        env |= {"AUTH_ISSUER": ORIGIN, "AUTH_AUDIENCE": ORIGIN}
        if app.algorithm == "HS256":
            env |= {"BETTER_AUTH_SECRET": SECRET}
        else:
            env |= {"BETTER_AUTH_URL": ORIGIN}
    return uvicorn(f"benchmarks.peers.{app.factory}", env=env)


def _requests(app: App) -> dict[str, Iterator[bytes]]:
    if not app.algorithm:
        return {OPEN: itertools.repeat(get(app.open_path))}
    changes = {"aud": "fastapi-users:auth"} if app.name == "fastapi-users" else {}
    if app.name == "auth0-fastapi-api":
        changes = {"iss": f"{ORIGIN}/"}
    if app.overfill:
        tokens = make_tokens(app.algorithm, TOO_MANY_TOKENS)
        return {TOO_MANY: itertools.cycle([get(app.path, token) for token in tokens])}
    count = RS256_TOKENS if app.algorithm == "RS256" else CACHED_TOKENS
    tokens = make_tokens(app.algorithm, count, **changes)
    return {
        OPEN: itertools.repeat(get(app.open_path)),
        ONE: itertools.repeat(get(app.path, tokens[0])),
        MANY: itertools.cycle([get(app.path, token) for token in tokens]),
    }


def _measure_turn(generator: Generator, server: Server, requests: Iterator[bytes]) -> Turn:
    cpu = server.cpu_seconds
    load = generator.saturate(server.port, requests, seconds=SECONDS)
    cpu_rate = load.responses / (server.cpu_seconds - cpu)
    return Turn(rate=load.rate, cpu_rate=cpu_rate, busy=load.busy)


def _report(result: Result, turns: dict[Key, list[Turn]]) -> None:
    rates = {key: [turn.rate for turn in values] for key, values in turns.items()}
    cpu_rates = {key: [turn.cpu_rate for turn in values] for key, values in turns.items()}
    busy = [turn.busy for values in turns.values() for turn in values]
    result.tables.append(_table(rates, cpu_rates, note=_note(busy)))
    result.targets += [*_tax_targets(rates), *_peer_targets(rates), _bare_target(rates)]
    result.bars += [
        Bar(label=f"{name}, {algorithm}", value=value, highlighted=name in WITH_OUR_CACHE)
        for (name, algorithm, kind), value in medians(rates).items()
        if kind == MANY
    ]


def _table(rates: Rates, cpu_rates: Rates, *, note: str) -> Table:
    header = ["application", "algorithm", "open /s", "one token /s", "tax", "5 000 tokens /s"]
    header += ["tax", "50 000 tokens /s", "tax"]
    header += ["CPU µs, open", "one token", "tax", "5 000 tokens", "tax"]
    rows = []
    for name, algorithm in dict.fromkeys((name, algorithm) for name, algorithm, _ in rates):
        open_rates = rates[name, algorithm, OPEN]
        row = [name, algorithm, number(statistics.median(open_rates))]
        for kind in (ONE, MANY, TOO_MANY):
            values = rates.get((name, algorithm, kind))
            row += (
                [number(statistics.median(values)), f"{_tax(values, open_rates):.1%}"]
                if values
                else ["", ""]
            )
        open_rates = cpu_rates[name, algorithm, OPEN]
        row.append(number(1e6 / statistics.median(open_rates)))
        for kind in (ONE, MANY):
            values = cpu_rates.get((name, algorithm, kind))
            row += (
                [number(1e6 / statistics.median(values)), f"{_tax(values, open_rates):.1%}"]
                if values
                else ["", ""]
            )
        rows.append(row)
    return Table(title="One worker on one core", header=header, rows=rows, note=note)


def _tax_targets(rates: Rates) -> Iterator[Target]:
    for name, what, bounds in (
        (OURS, "auth tax", {ONE: 12.0, MANY: 15.0}),
        (FOREIGN, "auth tax of a plain route in another application", {ONE: 25.0, MANY: 25.0}),
    ):
        for algorithm in ("HS256", "EdDSA"):
            for kind, bound in bounds.items():
                kept = ratios(rates[name, algorithm, kind], rates[name, algorithm, OPEN])
                taxes = [100 * (1 - value) for value in kept]
                yield Target.of(taxes, what=f"{what}, {algorithm}, {kind}", bound=bound, unit="%")


def _peer_targets(rates: Rates) -> Iterator[Target]:
    for name, algorithm, bound in (
        ("auth0-fastapi-api", "RS256", 2.8),
        (ASYNC_PYJWT, "HS256", 2.0),
        (ASYNC_PYJWT, "EdDSA", 2.0),
    ):
        ours = rates[OURS, "HS256" if algorithm == "HS256" else "EdDSA", MANY]
        yield Target.of(
            ratios(ours, rates[name, algorithm, MANY]),
            what=f"protected requests per second, compared with {name} ({algorithm})",
            bound=bound,
            unit="times",
            at_least=True,
        )


def _bare_target(rates: Rates) -> Target:
    return Target.of(
        ratios(rates[OURS, "HS256", MANY], rates[BARE, "", OPEN]),
        what=f"protected requests per second (HS256), compared with {BARE}",
        bound=0.9,
        unit="times",
        at_least=True,
    )


def _tax(protected: Sequence[float], open_rates: Sequence[float]) -> float:
    return 1 - median_ratio(protected, open_rates)


def _note(busy: Sequence[float]) -> str:
    return (
        f"The load generator used {statistics.median(busy):.0%} of its core, {max(busy):.0%} at "
        "most. It waits for the servers, so the servers are what is measured. auth0-fastapi-api "
        "supports RS256 only, which costs less than EdDSA, and is compared with this project's "
        f"EdDSA; its rotation has {RS256_TOKENS} tokens. Tokens expire after "
        f"{LIFETIME // 3600} hours."
    )
