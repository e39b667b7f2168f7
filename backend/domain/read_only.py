"""Read-only copies of JSON values."""

from collections.abc import Iterator, Mapping
from typing import Any, Final


class ReadOnlyMapping(Mapping[str, Any]):
    """A copy of a JSON object in which nothing can be changed, at any depth. Lists become tuples.

    Unlike a `types.MappingProxyType`, the copy can be hashed, pickled and copied.

    Args:
        members: The members of the object, which are copied.
    """

    __slots__ = ("_members",)

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = {name: read_only(value) for name, value in members.items()}

    def __getitem__(self, name: str) -> Any:
        """Return the value of a member."""
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the members."""
        return iter(self._members)

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self._members)

    def __hash__(self) -> int:
        """Return a hash of the members, whose order does not matter."""
        return hash(frozenset(self._members.items()))

    def __repr__(self) -> str:
        """Show the members as a dict does."""
        return repr(self._members)


def read_only(value: Any) -> Any:
    """Return a copy of a JSON value that cannot be changed."""
    if isinstance(value, Mapping):
        return ReadOnlyMapping(value)
    return tuple(map(read_only, value)) if isinstance(value, list | tuple) else value


def plain(value: Any) -> Any:
    """Return a copy of a read-only value as dicts and lists, for example to serialize it."""
    if isinstance(value, Mapping):
        return {name: plain(member) for name, member in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


EMPTY: Final = ReadOnlyMapping({})
