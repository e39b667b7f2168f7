"""Users of the API behind the proxy. Each user knows which todos the API has acknowledged.

A user repeats a request until it gets a useful answer, as a careful client does: writes have an
`Idempotency-Key`, or have the same effect when they are repeated.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import httpx2

# The service is unavailable, and says so. Every other status must be the expected status.
UNAVAILABLE: Final = frozenset({502, 503, 504})
RETRY_INTERVAL: Final = 0.1  # seconds
GIVE_UP: Final = 60.0  # seconds
TODOS_MAX: Final = 40
PAGE: Final = 100  # todos


@dataclass(slots=True)
class Figures:
    """The figures of the clients, for all users together.

    Attributes:
        requests: The number of requests. A repeated request counts again.
        failed: The requests without a useful answer.
        wrong: Wrong answers: another status, data of another user, a todo that exists twice.
        lost: Acknowledged changes that are gone.
        failed_at: When the last request failed, in monotonic seconds; 0 if none has.
        slowest: The longest wait for a useful answer, in seconds.
        reasons: How often requests failed for which reason.
    """

    requests: int = 0
    failed: int = 0
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    failed_at: float = 0.0
    slowest: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)

    def fail(self, reason: str) -> None:
        """Count a request that got no useful answer."""
        self.failed += 1
        self.failed_at = time.monotonic()
        self.reasons[reason] += 1


class GaveUpError(Exception):
    """A request got no useful answer for `GIVE_UP` seconds."""


class User:
    """A user, who sends one request at a time.

    Args:
        name: The id of the user.
        client: Sends requests to the proxy.
        token: Makes a token of a user.

    Attributes:
        figures: The figures of this user and other users.
    """

    def __init__(
        self, name: str, client: httpx2.AsyncClient, token: Callable[[str], str], figures: Figures
    ) -> None:
        self.name = name
        self.figures = figures
        self._client = client
        self._token = token
        self._random = Random(name)  # noqa: S311 - the same requests in every run
        self._created = 0
        self._titles: dict[str, str] = {}  # by id: the todos that the API has acknowledged
        self._unknown: set[str] = set()  # keys of todos whose last request has no answer (yet)
        self.renew_token()

    def renew_token(self) -> None:
        """Use a new token from now on."""
        self._headers = {"Authorization": f"Bearer {self._token(self.name)}"}

    async def act(self, other: "User") -> None:
        """Send a random request, and check the answer."""
        actions = [self._read, self.list_todos, self._change, self._create, self._repeat]
        if len(self._titles) > TODOS_MAX:
            actions = [self._remove]
        elif not self._titles:
            actions = [self._create]
        await self._random.choice([*actions, lambda: self._trespass(other), self._omit_token])()

    async def read_back(self) -> None:
        """Compare everything that the API stores with everything that it has acknowledged."""
        stored: dict[str, str] = {}
        cursor: str | None = None
        while True:
            params = {"limit": PAGE, **({"cursor": cursor} if cursor else {})}
            response = await self._send("GET", "/api/todos", params=params)
            if not response.is_success:
                return
            page = response.json()
            stored |= {item["id"]: item["title"] for item in page["items"]}
            cursor = page["next_cursor"]
            if cursor is None:
                break
        for todo_id, title in self._titles.items():
            if stored.get(todo_id) != title:
                self.figures.lost.append(f"{title}: found {stored.get(todo_id)}")
        keys = Counter(_key(title) for title in stored.values())
        known = {_key(title) for title in self._titles.values()} | self._unknown
        self.figures.wrong += [
            f"{key} exists {count} times" for key, count in keys.items() if count > 1
        ]
        self.figures.wrong += [
            f"{key} was deleted or never sent" for key in keys if key not in known
        ]

    async def _create(self) -> None:
        self._created += 1
        key = f"{self.name}/{self._created}"
        self._unknown.add(key)
        todo = await self._post(key)
        self._unknown.discard(key)
        if todo is not None:
            self._titles[todo["id"]] = todo["title"]

    async def _repeat(self) -> None:
        """Send an acknowledged POST again: there must be no second todo."""
        todo_id = self._any_id()
        key = _key(self._titles[todo_id])
        todo = await self._post(key)
        if todo is not None and todo["id"] != todo_id:
            self.figures.wrong.append(f"{key} was created twice")

    async def _post(self, key: str) -> dict[str, Any] | None:
        title = f"{key} created"
        response = await self._send(
            "POST", "/api/todos", expected={201}, json={"title": title}, idempotency_key=key
        )
        if response.status_code != 201:
            return None
        todo: dict[str, Any] = response.json()
        if todo["title"] != title:
            self.figures.wrong.append(f"{key}: the answer has the title {todo['title']}")
        return todo

    async def _read(self) -> None:
        todo_id = self._any_id()
        response = await self._send("GET", f"/api/todos/{todo_id}")
        if response.is_success and response.json()["title"] != self._titles[todo_id]:
            self.figures.wrong.append(f"{self._titles[todo_id]}: read {response.json()['title']}")

    async def list_todos(self) -> None:
        """List the todos, and check that none belongs to another user."""
        response = await self._send("GET", "/api/todos", params={"limit": 20})
        if response.is_success:
            titles = [item["title"] for item in response.json()["items"]]
            foreign = [title for title in titles if not title.startswith(f"{self.name}/")]
            self.figures.wrong += [f"{self.name} sees {title}" for title in foreign]

    async def _change(self) -> None:
        todo_id = self._any_id()
        before = self._titles.pop(todo_id)
        key = _key(before)
        self._unknown.add(key)
        title = f"{key} changed {self._random.random()}"
        response = await self._send("PATCH", f"/api/todos/{todo_id}", json={"title": title})
        self._unknown.discard(key)
        self._titles[todo_id] = response.json()["title"] if response.is_success else before

    async def _remove(self) -> None:
        todo_id = self._any_id()
        key = _key(self._titles.pop(todo_id))
        self._unknown.add(key)
        # An earlier attempt may have removed the todo without an answer.
        await self._send("DELETE", f"/api/todos/{todo_id}", expected={204}, repeated={404})
        self._unknown.discard(key)

    async def _trespass(self, other: "User") -> None:
        if other._titles:
            await self._send("GET", f"/api/todos/{other._any_id()}", expected={404})

    async def _omit_token(self) -> None:
        await self._send("GET", "/api/todos", expected={401}, headers={})

    def _any_id(self) -> str:
        return self._random.choice(list(self._titles))

    async def _send(
        self,
        method: str,
        path: str,
        *,
        expected: Collection[int] = (200,),
        repeated: Collection[int] = (),
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> httpx2.Response:
        """Send a request until it gets an answer other than "unavailable".

        Args:
            method: The method.
            path: The path.
            expected: The status codes that are right.
            repeated: The status codes that are right too if an earlier attempt failed.
            headers: The headers, instead of the token.
            idempotency_key: The value of `Idempotency-Key`.
            **options: The query or the body.

        Raises:
            GaveUpError: There was no answer in time.
        """
        key = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        first, attempts = time.monotonic(), 0
        while True:
            sent_at = time.monotonic()
            self.figures.requests += 1
            attempts += 1
            try:
                response = await self._client.request(
                    method,
                    path,
                    headers={**(self._headers if headers is None else headers), **key},
                    **options,
                )
            except httpx2.TransportError as error:
                reason = type(error).__name__
            else:
                status = response.status_code
                if status not in UNAVAILABLE:
                    self.figures.slowest = max(self.figures.slowest, time.monotonic() - sent_at)
                    if status not in expected and not (attempts > 1 and status in repeated):
                        self.figures.wrong.append(f"{method} {path}: {status} {response.text}")
                    return response
                reason = f"{status} {_code(response)}"
            self.figures.fail(f"{method} {reason}")
            if time.monotonic() - first > GIVE_UP:
                raise GaveUpError(f"{method} {path}: {reason}")
            await asyncio.sleep(RETRY_INTERVAL)


def _key(title: str) -> str:
    return title.partition(" ")[0]


def _code(response: httpx2.Response) -> str:
    """Return the code of a problem of the API; the proxy writes none."""
    if response.headers.get("content-type") == "application/problem+json":
        return str(response.json().get("code"))
    return "from the proxy"
