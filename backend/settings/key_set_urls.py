"""Checks a URL from which keys are fetched, and the environment of the HTTP client."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from backend.settings.client_environment import client_complaints
from backend.settings.complaints import Complaint
from backend.settings.origins import canonical_url, is_loopback
from backend.settings.raw_values import is_on


def url_complaints(raw: Mapping[str, Any], name: str) -> Iterator[Complaint]:
    """Complain about a URL that others can tamper with, and about proxies that cannot be used.

    Args:
        raw: The settings that are set, before validation; values may be invalid.
        name: The setting with the URL.
    """
    parts = urlsplit(_canonical_or_empty(str(raw[name])))
    is_remote = not is_loopback(parts.hostname or "")
    if is_forbidden_http(raw, name):
        yield Complaint(
            name.upper(),
            "an attacker on the network can replace keys that are fetched over plain HTTP",
            "Set it to an https:// URL, or set AUTH_ALLOW_HTTP=on if you trust the network.",
        )
    yield from client_complaints(uses_proxy=is_remote)


def is_forbidden_http(raw: Mapping[str, Any], name: str) -> bool:
    """Return whether a URL is plain HTTP to another machine, and `AUTH_ALLOW_HTTP` is off.

    Args:
        raw: The settings that are set, before validation; values may be invalid.
        name: The setting with the URL.
    """
    parts = urlsplit(_canonical_or_empty(str(raw[name])))
    is_remote = not is_loopback(parts.hostname or "")
    return parts.scheme == "http" and is_remote and not is_on(raw, "auth_allow_http")


def _canonical_or_empty(url: str) -> str:
    try:
        return canonical_url(url)
    except ValueError:
        return ""
