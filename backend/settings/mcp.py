"""Checks the settings of the MCP server."""

import contextlib
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from backend.settings.authentication import AuthSettings
from backend.settings.complaints import Complaint, ConfigurationError
from backend.settings.origins import is_loopback
from backend.settings.trusted_issuers import trusted_issuers

_NO_SERVER: Final = Complaint(
    "MCP_URL",
    "without BETTER_AUTH_URL or AUTH_ISSUER, clients cannot find the authorization server",
    "Set BETTER_AUTH_URL to the base URL of your Better Auth server, or unset MCP_URL.",
)
_PLAIN_HTTP: Final = Complaint(
    "MCP_URL",
    "tokens must not be sent over plain HTTP",
    "Set it to the https:// URL under which clients reach the MCP server.",
)


def mcp_complaints(url: str | None, settings: AuthSettings) -> Iterator[Complaint]:
    """Complain about a URL of the MCP server with which OAuth cannot work.

    Args:
        url: The value of `MCP_URL`.
        settings: The other settings.
    """
    if url is None:
        return
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        yield _PLAIN_HTTP
    if settings.auth_trusted_issuers is not None:
        yield from _entries_without_server(settings)
    elif not (settings.better_auth_url or settings.auth_issuer or settings.oidc_issuer):
        yield _NO_SERVER


def _entries_without_server(settings: AuthSettings) -> Iterator[Complaint]:
    with contextlib.suppress(ConfigurationError):  # its complaints are reported already
        for issuer in trusted_issuers(settings):
            if not (issuer.settings.better_auth_url or issuer.settings.oidc_issuer):
                yield Complaint(
                    "MCP_URL",
                    f"the issuer {issuer.name} has no authorization server that clients can find",
                    "Remove its entry from AUTH_TRUSTED_ISSUERS for the MCP server, or unset"
                    " MCP_URL.",
                )
