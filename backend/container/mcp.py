"""The settings of the MCP server: those of the Todo API, with other hosts and audiences."""

from typing import Any, Final

from backend.adapters.auth.better_auth.tokens import BetterAuthUrls
from backend.settings import Settings
from backend.settings.origins import is_loopback

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")


def mcp_settings(settings: Settings) -> Settings:
    """Return the settings of the MCP server.

    - With `MCP_URL`, only OAuth access tokens for this URL are accepted: their audience is the URL
      (RFC 8707), and their issuer is `{BETTER_AUTH_URL}/api/auth` or `AUTH_ISSUER`. A token for the
      Todo API is refused. Without `MCP_URL`, the tokens are those of the Todo API.
    - A server that listens on this machine only trusts local hosts only, unless `TRUSTED_HOSTS`
      names others. A page can point its own name at 127.0.0.1 (DNS rebinding); its requests have
      that name in the `Host` header.

    Args:
        settings: The settings of the Todo API.
    """
    values: dict[str, Any] = {}
    if not settings.trusted_hosts and is_loopback(settings.host):
        values["trusted_hosts"] = LOCAL_HOSTS
    if settings.mcp_url is not None:
        values["auth_resource"] = settings.mcp_url
        values["auth_audience"] = (settings.mcp_url,)  # other tokens need it too
        if settings.better_auth_url and not settings.auth_issuer:
            urls = BetterAuthUrls.from_base_url(settings.better_auth_url)
            values["auth_issuer"] = (urls.base,)
    return settings.model_copy(update=values)
