"""The settings of the MCP server: those of the Todo API, with other hosts and audiences."""

import functools
from typing import Any, Final

from backend.adapters.auth.better_auth.tokens import BetterAuthUrls
from backend.settings import AuthSettings, Settings
from backend.settings.origins import is_loopback
from backend.settings.trusted_issuers import with_other_values

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")


def mcp_settings(settings: Settings) -> Settings:
    """Return the settings of the MCP server.

    - With `MCP_URL`, only OAuth access tokens for this URL are accepted: their audience is the URL
      (RFC 8707), and their issuer is `{BETTER_AUTH_URL}/api/auth` or `AUTH_ISSUER`. A token for the
      Todo API is refused. Without `MCP_URL`, the tokens are those of the Todo API. With several
      issuers, that holds for each.
    - A server that listens on this machine only trusts local hosts only, unless `TRUSTED_HOSTS`
      names others. A page can point its own name at 127.0.0.1 (DNS rebinding); its requests have
      that name in the `Host` header.

    Args:
        settings: The settings of the Todo API.
    """
    values: dict[str, Any] = {}
    if not settings.trusted_hosts and is_loopback(settings.host):
        values["trusted_hosts"] = LOCAL_HOSTS
    if settings.mcp_url is not None and settings.auth_trusted_issuers is not None:
        values["auth_trusted_issuers"] = with_other_values(
            settings, functools.partial(_for_access_tokens, url=settings.mcp_url)
        )
    elif settings.mcp_url is not None:
        values |= _for_access_tokens(settings, url=settings.mcp_url)
    return settings.model_copy(update=values)


def _for_access_tokens(settings: AuthSettings, *, url: str) -> dict[str, str | tuple[str, ...]]:
    """Return the values with which only access tokens for a URL are accepted.

    Args:
        settings: The settings of an issuer.
        url: The URL of the MCP server.
    """
    values: dict[str, str | tuple[str, ...]] = {"auth_resource": url}
    values["auth_audience"] = (url,)  # other tokens need this audience too
    if settings.better_auth_url and not settings.auth_issuer:
        urls = BetterAuthUrls.from_base_url(settings.better_auth_url)
        values["auth_issuer"] = (urls.base,)
    return values
