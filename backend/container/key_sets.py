"""Makes the source of an issuer's keys, or of the keys of several issuers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from backend.adapters.auth.keys import IssuerKeys
from backend.container.issuer import Issuer
from backend.container.lifecycle import Part
from backend.domain.auth import VerifierUnavailableError
from backend.domain.diagnosis import KeySetState
from backend.settings.authentication import AuthSettings


def jwks_keys(
    settings: AuthSettings, issuer: Issuer, client: Callable[[], Any], tracer: Any = None
) -> IssuerKeys | None:
    """Make the source of the issuer's keys; None if the issuer has no key set.

    Args:
        settings: The lifetime of keys.
        issuer: Where the keys are.
        client: Returns the HTTP client; called only if there is a key set.
        tracer: Makes a span of each fetch; None if nothing is traced.
    """
    if issuer.keys_url is None:
        return None
    from backend.container import fetched_keys  # noqa: PLC0415 - imports httpx2

    return fetched_keys.make_keys(settings, issuer, issuer.keys_url, client(), tracer)


def key_set_state(jwks: IssuerKeys | None) -> Callable[[], KeySetState] | None:
    """Return the function that reports the state of the key set; None without a key set."""
    return jwks.state if jwks is not None else None


def choose_keys(jwks: IssuerKeys | None, issuer_containers: Mapping[str, Any]) -> Part | None:
    """Return the key set of one issuer, or those of several; None if nothing is fetched.

    Args:
        jwks: The key set of one issuer.
        issuer_containers: The containers of several issuers; empty with a single issuer.
    """
    if not issuer_containers:
        return jwks
    key_sets = [container.jwks_keys() for container in issuer_containers.values()]
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


def key_set_states(issuer_containers: Mapping[str, Any]) -> Mapping[str, Callable[[], KeySetState]]:
    """Return the functions that report the state of each key set, by the issuer's name.

    Args:
        issuer_containers: The containers of several issuers; empty with a single issuer.
    """
    states = {name: container.key_set_state() for name, container in issuer_containers.items()}
    return {name: state for name, state in states.items() if state is not None}
