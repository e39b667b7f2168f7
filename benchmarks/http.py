"""What authentication costs a request: requests per second with and without it, on one core."""

import contextlib
import itertools
import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness.chart import Bar
from benchmarks.harness.load import Generator, Load, get
from benchmarks.harness.report import Result, Table, Target, number
from benchmarks.harness.rounds import medians, ratio, ratios, shuffled, wanted
from benchmarks.harness.servers import Server, uvicorn
from benchmarks.harness.tokens import LIFETIME, ORIGIN, SECRET, signer_of, tokens

ROUNDS = wanted()
TURNS, SECONDS = 8, 0.08  # short ones: what else the machine does changes slowly
ROTATION, BEYOND = 5_000, 50_000

OURS = "this project"
RECIPE = "HTTPBearer + PyJWT, async"


class App(NamedTuple):
    """An application, as it is started and asked."""

    name: str
    factory: str
    algorithm: str
    path: str = "/me"
    open_path: str = "/open"
    beyond: bool = False


PEERS = (
    App(RECIPE, "pyjwt_apps:async_app", "HS256"),
    App(RECIPE, "pyjwt_apps:async_app", "EdDSA"),
    App("HTTPBearer + PyJWT, def", "pyjwt_apps:sync_app", "HS256"),
    App("HTTPBearer + PyJWT, def", "pyjwt_apps:sync_app", "EdDSA"),
    App("HTTPBearer + PyJWT, @inject", "pyjwt_apps:inject_app", "HS256"),
    App("HTTPBearer + PyJWT, @inject", "pyjwt_apps:inject_app", "EdDSA"),
    App("fastapi-users", "fastapi_users_app:create_app", "HS256"),
    App("fastapi-better-auth-bridge", "bridge_app:create_app", "EdDSA"),
    App("auth0-fastapi-api", "auth0_app:create_app", "RS256"),
)
OUR_APPS = tuple(
    App(OURS, "our_app:create_app", algorithm, "/api/me?auth", "/api/me?open", beyond)
    for algorithm in ("HS256", "EdDSA")
    for beyond in (False, True)
)

Key = tuple[str, str, str]  # application, algorithm, tokens
OPEN, ONE, MANY, TOO_MANY = "open", "one token", "5 000 in rotation", "50 000 in rotation"
WARM_UP, OURS_WARM_UP = 300, {MANY: ROTATION, TOO_MANY: 11_000}  # until the memory is full


ABOUT = f"""
Requests per second of one worker on one core (uvicorn, uvloop, httptools, access logs off), asked
over loopback by 16 keep-alive connections from another core. Every app answers the same six fields
with and without authentication. Ours is the whole application, with its request ids, metrics and
problem details; the others are bare.

In each of {ROUNDS} rounds every app is started anew. All of them are there at once, on the same
core, and take turns: {TURNS} times {SECONDS} s for each of their routes, so that routes of one app
are compared within half a second, and apps within some seconds. A ratio is the median of the turns'
own ratios, which need not be that of the medians beside it.

*Tax*: the part of the open route's requests per second that authentication takes, by the clock, and
then by the server's processor time. The open route is asked without the header, so that to read it
is in the tax. *Protected requests per second* are those with 5 000 tokens in rotation.
""".strip()


def measure() -> Result:
    result = Result(
        name="http",
        title="Authentication over HTTP",
        about=ABOUT,
        chart_title="Authenticated requests, 5 000 tokens in rotation",
        chart_unit="per second on one core, more is better",
    )
    loads: dict[Key, list[Load]] = {}
    asked = {app: _requests(app) for app in (*OUR_APPS, *PEERS)}
    with Generator() as generator:
        for number in range(ROUNDS):
            with contextlib.ExitStack() as stack:
                servers = {app: stack.enter_context(start(app, stack)) for app in asked}
                for app, server in servers.items():
                    for kind, requests in asked[app].items():
                        count = OURS_WARM_UP.get(kind, WARM_UP) if app.name == OURS else WARM_UP
                        generator.saturate(server.port, requests, count=count, seconds=20)
                for turn in range(number * TURNS, (number + 1) * TURNS):
                    for app in shuffled(list(asked), turn):
                        for kind in shuffled(list(asked[app]), turn):
                            load = _ask(generator, servers[app], asked[app][kind])
                            loads.setdefault((app.name, app.algorithm, kind), []).append(load)
    _report(result, loads)
    return result


def start(app: App, stack: contextlib.ExitStack) -> Server:
    """Make the server of an app; its database, if it has one, is a new file."""
    env = {"BENCH_ALGORITHM": app.algorithm}
    by = signer_of(app.algorithm)
    env["BENCH_JWK"] = json.dumps(by.jwk()) if app.algorithm != "HS256" else "{}"
    if app.name == OURS:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        env |= {"DATABASE_URL": f"sqlite:///{folder / 'todos.db'}", "LOG_LEVEL": "warning"}
        env |= {"AUTH_ISSUER": ORIGIN, "AUTH_AUDIENCE": ORIGIN}
        if app.algorithm == "HS256":
            env |= {"BETTER_AUTH_SECRET": SECRET}
        else:
            env |= {"BETTER_AUTH_URL": ORIGIN}
    return uvicorn(f"benchmarks.peers.{app.factory}", env=env)


def _requests(app: App) -> dict[str, Iterator[bytes]]:
    changes = {"aud": "fastapi-users:auth"} if app.name == "fastapi-users" else {}
    if app.name == "auth0-fastapi-api":
        changes = {"iss": f"{ORIGIN}/"}
    if app.beyond:
        minted = tokens(app.algorithm, BEYOND)
        return {TOO_MANY: itertools.cycle([get(app.path, token) for token in minted])}
    minted = tokens(
        app.algorithm, ROTATION if app.algorithm != "RS256" else ROTATION // 5, **changes
    )
    return {
        OPEN: itertools.repeat(get(app.open_path)),
        ONE: itertools.repeat(get(app.path, minted[0])),
        MANY: itertools.cycle([get(app.path, token) for token in minted]),
    }


def _ask(generator: Generator, server: Server, requests: Iterator[bytes]) -> Load:
    cpu = server.cpu_seconds
    load = generator.saturate(server.port, requests, seconds=SECONDS)
    load.latencies = [(server.cpu_seconds - cpu) / load.answers]
    return load


def _report(result: Result, loads: dict[Key, list[Load]]) -> None:
    rates = {key: [load.rate for load in some] for key, some in loads.items()}
    middle = medians(rates)
    head = ["application", "algorithm", "open /s", "one token /s", "tax", "5 000 tokens /s", "tax"]
    head += ["50 000 tokens /s", "tax"]
    head += ["processor µs, open", "one token", "tax", "5 000 tokens", "tax"]
    rows = []
    for name, algorithm in dict.fromkeys((name, algorithm) for name, algorithm, _ in rates):
        opened = rates[name, algorithm, OPEN]
        row = [name, algorithm, number(middle[name, algorithm, OPEN])]
        for kind in (ONE, MANY, TOO_MANY):
            key = (name, algorithm, kind)
            row += (
                [number(middle[key]), f"{_tax(rates[key], opened):.1%}"]
                if key in rates
                else ["", ""]
            )
        opened = _by_processor(loads[name, algorithm, OPEN])
        row.append(number(1e6 / statistics.median(opened)))
        for kind in (ONE, MANY):
            rate = _by_processor(loads[name, algorithm, kind])
            row += [number(1e6 / statistics.median(rate)), f"{_tax(rate, opened):.1%}"]
        rows.append(row)
    result.tables.append(Table(title="One worker on one core", head=head, rows=rows))
    for algorithm in ("HS256", "EdDSA"):
        opened = rates[OURS, algorithm, OPEN]
        for kind, bound in ((ONE, 12.0), (MANY, 15.0)):
            taxes = [100 * (1 - kept) for kept in ratios(rates[OURS, algorithm, kind], opened)]
            what = f"auth tax, {algorithm}, {kind}"
            result.targets.append(Target.of(taxes, what=what, bound=bound, unit="%"))
    for name, algorithm, bound in (
        ("auth0-fastapi-api", "RS256", 2.8),
        (RECIPE, "HS256", 2.0),
        (RECIPE, "EdDSA", 2.0),
    ):
        ours = rates[OURS, "HS256" if algorithm == "HS256" else "EdDSA", MANY]
        result.targets.append(
            Target.of(
                ratios(ours, rates[name, algorithm, MANY]),
                what=f"protected requests per second, of those of {name} ({algorithm})",
                bound=bound,
                unit="times",
                at_least=True,
            )
        )
    _report_generator(result, [load for some in loads.values() for load in some])
    result.bars += [
        Bar(label=f"{name}, {algorithm}", value=middle[name, algorithm, MANY], ours=name == OURS)
        for name, algorithm in dict.fromkeys((name, algorithm) for name, algorithm, _ in rates)
    ]


def _tax(protected: list[float], opened: list[float]) -> float:
    return 1 - ratio(protected, opened)


def _by_processor(loads: list[Load]) -> list[float]:
    """Return the requests of each turn per second of processor time that the server took."""
    return [1 / load.latencies[0] for load in loads]


def _report_generator(result: Result, loads: list[Load]) -> None:
    busy = medians({"": [load.busy for load in loads]})[""]
    worst = max(load.busy for load in loads)
    result.tables[-1] = Table(
        title=result.tables[-1].title,
        head=result.tables[-1].head,
        rows=result.tables[-1].rows,
        note=(
            f"The load generator was at work for {busy:.0%} of the time, {worst:.0%} at most: it "
            "waits for the servers, so that they are what is measured. auth0-fastapi-api verifies "
            "RS256 alone, which costs less than EdDSA, and is compared with our EdDSA; its "
            f"rotation is {ROTATION // 5} tokens. Tokens live {LIFETIME // 3600} hours."
        ),
    )
