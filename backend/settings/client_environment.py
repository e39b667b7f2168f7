"""Checks the variables of the HTTP client: proxies, and certificates of authorities.

The constructor of the client reads these variables. The errors of the client do not name them.
"""

import importlib.util
import os
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.request import getproxies_environment

from backend.settings.complaints import Complaint
from backend.settings.origins import PORT_MAX, canonical_host

VARIABLES: Final = frozenset(
    {
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"),
    }
)

_SCHEMES: Final = ("http", "https", "all")
_SOCKS: Final = frozenset({"socks5", "socks5h"})
_HOST_AND_PORT: Final = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::(.*))?")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_HASHED: Final = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # how OpenSSL finds a certificate in a folder

_SET_PROXY: Final = "Set it to a URL like http://proxy.example.com:3128, or unset it."


def client_complaints(*, uses_proxy: bool) -> Iterator[Complaint]:
    """Complain about each variable that the HTTP client cannot use.

    Args:
        uses_proxy: Whether the client takes the proxies of the environment.
    """
    if uses_proxy:
        yield from _proxy_complaints(getproxies_environment())
    yield from _certificate_complaints(
        os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", "")
    )


def _proxy_complaints(proxies: dict[str, str]) -> Iterator[Complaint]:
    bypassed = proxies.get("no", "")
    if not _is_text(bypassed):
        remedy = "Set it to a comma-separated list of hosts, or unset it."
        yield Complaint(_variable("no", bypassed), "not text in UTF-8", remedy)
    hosts = [host.strip() for host in bypassed.split(",")]
    if "*" in hosts:
        return
    used = {scheme: proxies[scheme] for scheme in _SCHEMES if scheme in proxies}
    if used and any(re.search(r"[\s;]", host) for host in hosts):
        yield Complaint(
            _variable("no", bypassed),
            "hosts that are not separated by commas are not recognized",
            "Separate the hosts by commas.",
            is_warning=True,
        )
    for scheme, value in used.items():
        if problem := _proxy_problem(value):
            yield Complaint(_variable(scheme, value), problem, _SET_PROXY)


def _variable(scheme: str, value: str) -> str:
    """Return the name of the variable that holds a proxy, with its case."""
    name = f"{scheme}_proxy"
    spellings = [key for key in os.environ if key.lower() == name and os.environ[key] == value]
    return name if name in spellings else spellings[0]


def _proxy_problem(value: str) -> str | None:
    """Return the problem with a proxy, without its password."""
    scheme, separator, address = value.partition("://")
    if not separator:
        scheme, address = "http", value
    if scheme.lower() in _SOCKS and not importlib.util.find_spec("socksio"):
        return "a SOCKS proxy needs the Python package socksio, which is not installed"
    if scheme.lower() not in {"http", "https", *_SOCKS}:
        return "the proxy is neither an http:// nor an https:// URL"
    return _address_problem(address)


def _address_problem(address: str) -> str | None:
    if not _is_text(address) or not address.isprintable():
        return "the proxy has characters that no URL has"
    authority = re.split(r"[/?#]", address, maxsplit=1)[0]
    match = _HOST_AND_PORT.fullmatch(authority.rpartition("@")[2])
    try:
        canonical_host(match[1] if match else "")
    except ValueError:
        return "the proxy has an invalid host"
    port = match[2] if match else None
    if port and not (_PORT.fullmatch(port) and 0 < int(port) <= PORT_MAX):
        return "the proxy has an invalid port"
    return None


def _certificate_complaints(file: str, folders: str) -> Iterator[Complaint]:
    if file:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except (OSError, ValueError) as error:
            is_tls = isinstance(error, ssl.SSLError)
            reason = "no certificate in PEM format" if is_tls else _reason(error)
            yield Complaint(
                "SSL_CERT_FILE",
                f"{file} cannot be used: {reason}",
                "Set it to a file with the certificates of your authorities, or unset it.",
            )
    elif folders and not any(map(_has_certificates, folders.split(os.pathsep))):
        yield Complaint(
            "SSL_CERT_DIR",
            f"{folders} has no certificates that OpenSSL can find",
            "Run `openssl rehash` on the folder of your certificates, or unset the variable.",
        )
    log = os.environ.get("SSLKEYLOGFILE")
    if log and (file or folders):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = log
        except (OSError, ValueError) as error:
            problem = f"{log} cannot be written: {_reason(error)}"
            yield Complaint("SSLKEYLOGFILE", problem, "Unset it: the file would hold secrets.")


def _has_certificates(folder: str) -> bool:
    try:
        return any(_HASHED.fullmatch(file.name) for file in Path(folder).iterdir())
    except OSError:
        return False


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
