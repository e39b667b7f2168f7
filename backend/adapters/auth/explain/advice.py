"""The advice of `explain` and `doctor`, for each provider. Every text about a provider is here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

import httpx2

from backend.adapters.auth.explain import fetches
from backend.adapters.auth.explain.context import TokenContext
from backend.adapters.auth.explain.custom_claims import DEFINE_PAYLOAD, MAP_CLAIMS
from backend.adapters.auth.explain.failures import Failure
from backend.adapters.auth.explain.fetches import FetchRemedies
from backend.adapters.auth.explain.malformed import (
    FEWER_CLAIMS,
    FEWER_OIDC_CLAIMS,
    malformed_oidc_remedy,
    malformed_token_remedy,
)
from backend.adapters.auth.explain.oidc import oidc_error_remedy
from backend.adapters.auth.explain.remedies import error_remedy
from backend.adapters.auth.explain.search import find_better_auth, find_metadata


class MalformedTokenRemedy(Protocol):
    """Finds the remedy for text that is not a JWS."""

    def __call__(self, token: str, cookie_strategy: str, /, *, max_length: int) -> str:
        """Return the remedy; see `malformed_token_remedy`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The texts for the operator, for a provider.

    Attributes:
        error: Returns the remedy for a failed check of a token.
        malformed: Returns the remedy for text that is not a JWS.
        fewer_claims: How to make tokens shorter.
        missing_claims: The advice if claims of `AUTH_CLAIMS` are missing.
        fetches: The remedies for a key set that cannot be fetched.
        search: Searches for the right URL after a failed fetch, and returns the remedy.
        internal_address: The advice if the URL of the key set is known only in a private network.
    """

    error: Callable[[Failure, TokenContext], str | None]
    malformed: MalformedTokenRemedy
    fewer_claims: str
    missing_claims: str
    fetches: FetchRemedies
    search: Callable[[httpx2.AsyncClient, str], Awaitable[str | None]]
    internal_address: str | None


BETTER_AUTH: Final = Advice(
    error=error_remedy,
    malformed=malformed_token_remedy,
    fewer_claims=FEWER_CLAIMS,
    missing_claims=DEFINE_PAYLOAD,
    fetches=fetches.BETTER_AUTH,
    search=find_better_auth,
    internal_address=(
        "if browsers reach Better Auth under another address, set BETTER_AUTH_URL to that address"
    ),
)
OIDC: Final = Advice(
    error=oidc_error_remedy,
    malformed=malformed_oidc_remedy,
    fewer_claims=FEWER_OIDC_CLAIMS,
    missing_claims=MAP_CLAIMS,
    fetches=fetches.OIDC,
    search=find_metadata,
    internal_address=None,
)
