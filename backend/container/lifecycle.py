"""The parts that a server opens at startup, checks for readiness, and closes at shutdown."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

Check = Callable[[], Awaitable[None]]
Resource = AbstractAsyncContextManager[Any]


class Part(AbstractAsyncContextManager[Any], Protocol):
    """A part that depends on another server: the issuer's keys, or the database."""

    async def check(self) -> None:
        """Raise an error if the part cannot be used now."""
        ...


def resources(
    keys: Part | None, database: Part | None = None, tracing: Resource | None = None
) -> Sequence[Resource]:
    """Return the resources to open, in this order; close them in reverse order.

    The HTTP client is not a resource. The client keeps no connection between two fetches, so the
    client needs no close, and the keys can be opened again, in another event loop too.

    Args:
        keys: The issuer's keys; None if the issuer has no key set.
        database: The database of the todos; None if the app has none.
        tracing: Exports spans, also those of the other parts; None if nothing is traced.
    """
    return [part for part in (tracing, keys, database) if part is not None]


def checks(keys: Part | None, database: Part | None = None) -> Mapping[str, Check]:
    """Return the readiness checks by name. A check raises an error if the part is unavailable."""
    parts = {"keys": keys, "database": database}
    return {name: part.check for name, part in parts.items() if part is not None}
