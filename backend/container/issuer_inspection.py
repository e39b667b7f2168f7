"""The parts of `explain` and `doctor` for several trusted issuers."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from backend.adapters.auth.explain.trusted_issuers import (
    entry_of,
    explain_without_entry,
    with_entry,
)
from backend.container.trusted_issuers import accepted_by, make_containers
from backend.domain.diagnosis import Explanation, Finding
from backend.settings.authentication import AuthSettings
from backend.settings.trusted_issuers import trusted_issuers


class IssuerInspection:
    """Chooses the container that explains a token, and checks the key set of each issuer.

    Args:
        inspected: The `InspectionContainer` of each issuer, by its name.
        prefixes: The prefix of the ids of each issuer's users, by its name.
        max_length: The maximum number of characters of a token.
    """

    def __init__(
        self, inspected: Mapping[str, Any], prefixes: Mapping[str, str], *, max_length: int
    ) -> None:
        self._inspected = inspected
        self._prefixes = prefixes
        self._max_length = max_length
        self._entries = {
            issuer: name
            for name, container in inspected.items()
            for issuer in accepted_by(container.issuer())
        }

    def explain_unknown(self, token: str) -> Explanation | None:
        """Explain a token from no trusted issuer; None for any other text.

        Args:
            token: The text that was sent as a bearer token. Untrusted and secret.
        """
        return explain_without_entry(token, self._entries, max_length=self._max_length)

    def container_for(self, token: str) -> Any:
        """Return the container of a token's issuer; any container for a text that is no token.

        Args:
            token: The text that was sent as a bearer token. Untrusted and secret.
        """
        name = entry_of(token, self._entries, max_length=self._max_length)
        return self._inspected[name or next(iter(self._inspected))]

    def add_entry(self, explanation: Explanation, token: str) -> Explanation:
        """Add the entry that the token has chosen to an explanation."""
        name = entry_of(token, self._entries, max_length=self._max_length)
        return with_entry(explanation, name, self._prefixes[name]) if name else explanation

    async def diagnose_issuer(self) -> list[Finding]:
        """Check the key set of each issuer, and compare the clocks. Findings name the issuer."""
        results = await asyncio.gather(
            *(container.diagnose_issuer() for container in self._inspected.values())
        )
        return [
            replace(finding, check=f"{name}: {finding.check}")
            for name, findings in zip(self._inspected, results, strict=True)
            for finding in findings
        ]


def issuer_inspection(
    settings: AuthSettings, clock: Callable[[], float], revocation_check: Callable[[], Any]
) -> IssuerInspection | None:
    """Make the inspection of several issuers; None if a single issuer is trusted.

    Args:
        settings: The settings of the server.
        clock: Returns the time in seconds since the epoch.
        revocation_check: Returns the check of revoked tokens, or None.

    Raises:
        ConfigurationError: The settings of the issuers are wrong.
    """
    if settings.auth_trusted_issuers is None:
        return None
    from backend.container.inspection import InspectionContainer  # noqa: PLC0415 - imports this

    inspected = make_containers(
        InspectionContainer, settings, clock, tracer=None, revocation_check=revocation_check()
    )
    prefixes = {issuer.name: issuer.user_id_prefix for issuer in trusted_issuers(settings)}
    return IssuerInspection(inspected, prefixes, max_length=settings.auth_token_max_bytes)
