"""Makes the HTTP client for requests to an issuer."""

import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

from backend.settings.origins import is_loopback


def make_http_client(url: str | None) -> Any:
    """Make the HTTP client for an issuer, with the proxies of the environment.

    The certificates of `SSL_CERT_FILE` are used for every issuer. An issuer on this machine is
    asked without a proxy, because the request to a proxy would cross the network in plain HTTP.

    Args:
        url: The URL of the key set, of the metadata that name the key set, or of `get-session`;
            None if the issuer is not asked.

    Returns:
        An `httpx2.AsyncClient`.
    """
    import httpx2  # noqa: PLC0415 - takes 20 ms, and is not needed to import an app

    # No response may add a cookie to a later request, which may be about another user.
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    if url is None:
        return httpx2.AsyncClient(follow_redirects=False, trust_env=False, cookies=no_cookies)
    parts = urlsplit(url)
    local = is_loopback(parts.hostname or "")
    # Loading the certificates takes 40 ms, which would slow down tests with a local key server.
    needs_tls = parts.scheme == "https" or not local
    context = httpx2.create_ssl_context() if needs_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx2.AsyncClient(
        follow_redirects=False, verify=context, trust_env=not local, cookies=no_cookies
    )
