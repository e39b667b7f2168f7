"""The settings of this API as an OAuth protected resource (RFC 8707, RFC 9728)."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator

from backend.settings.complaints import Complaint
from backend.settings.origins import is_loopback
from backend.settings.values import IssuerUrl

_NO_SERVER: Final = Complaint(
    "AUTH_RESOURCE",
    "without BETTER_AUTH_URL, the issuer of OAuth access tokens is unknown",
    "Set BETTER_AUTH_URL to the base URL of your Better Auth server, or unset AUTH_RESOURCE.",
)


def _check_scheme(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("tokens must not be sent to this API over plain HTTP")
    return value


# The text is compared with the audience of tokens, so it must already be in its canonical form.
ResourceUrl = Annotated[IssuerUrl, AfterValidator(_check_scheme)]


def resource_inconsistencies(raw: Mapping[str, Any]) -> Iterator[Complaint]:
    """Complain about a resource whose issuer is unknown.

    Args:
        raw: The settings that are set, before validation; values may be invalid.
    """
    if raw.get("auth_resource") and not raw.get("better_auth_url"):
        yield _NO_SERVER
