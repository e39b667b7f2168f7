"""The key sets of several issuers, as one part of the server."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from backend.adapters.auth.keys import IssuerKeys
from backend.container.lifecycle import Part
from backend.domain.auth import VerifierUnavailableError
from backend.domain.diagnosis import KeySetState


def choose_keys(jwks: IssuerKeys | None, issuers: Mapping[str, Any]) -> Part | None:
    """Return the key set of one issuer, or those of several; None if nothing is fetched.

    Args:
        jwks: The key set of one issuer.
        issuers: The containers of several issuers.
    """
    if not issuers:
        return jwks
    key_sets = [container.jwks_keys() for container in issuers.values()]
    fetched = [keys for keys in key_sets if keys is not None]
    return KeySets(fetched, has_secrets=len(fetched) < len(key_sets)) if fetched else None


class KeySets:
    """The key sets of several issuers. The outage of an issuer concerns only its own users.

    Args:
        key_sets: The key sets.
        has_secrets: Whether another issuer has a secret only, whose tokens need no key set.
    """

    def __init__(self, key_sets: Sequence[Part], *, has_secrets: bool) -> None:
        self._key_sets = key_sets
        self._has_secrets = has_secrets

    async def __aenter__(self) -> Self:
        """Start to fetch every key set, without waiting."""
        for keys in self._key_sets:
            await keys.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop fetching."""
        for keys in self._key_sets:
            await keys.__aexit__(None, None, None)

    async def check(self) -> None:
        """Check that the tokens of at least one issuer can be verified.

        Raises:
            VerifierUnavailableError: No issuer has usable keys.
        """
        if self._has_secrets:
            return
        checks = [asyncio.ensure_future(keys.check()) for keys in self._key_sets]
        problems: list[VerifierUnavailableError] = []
        try:
            for check in asyncio.as_completed(checks):
                try:
                    await check
                except VerifierUnavailableError as error:
                    problems.append(error)
                else:
                    return
        finally:
            for check in checks:
                check.cancel()
            await asyncio.gather(*checks, return_exceptions=True)
        raise problems[0]


def key_set_states(issuers: Mapping[str, Any]) -> Mapping[str, Callable[[], KeySetState]]:
    """Return the functions that report the state of each key set, by the issuer's name.

    Args:
        issuers: The containers of several issuers.
    """
    states = {name: container.key_set_state() for name, container in issuers.items()}
    return {name: state for name, state in states.items() if state is not None}
