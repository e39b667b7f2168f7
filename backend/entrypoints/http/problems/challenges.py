"""The `WWW-Authenticate` header of 401 and 403 (RFC 6750, section 3)."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import Scope

from backend.entrypoints.http.auth.dependencies import AUTHENTICATOR

REALM: Final = "api"
INSUFFICIENT_SCOPE: Final = "insufficient_scope"

_HEADER: Final = "WWW-Authenticate"


def challenge(**attributes: str) -> str:
    """Return a challenge for bearer tokens.

    Args:
        **attributes: Its attributes, without quotes or backslashes, for example `error`.
    """
    values = {"realm": REALM, **attributes}
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in values.items())


def name_metadata(headers: MutableHeaders, scope: Scope) -> None:
    """Let a challenge for bearer tokens name the metadata of the resource (RFC 9728, section 5.1).

    Args:
        headers: The headers of a response. A challenge for bearer tokens in them is changed in
            place.
        scope: The scope of the request, in which the guard has put the authenticator.
    """
    value, authenticator = headers.get(_HEADER, ""), scope.get(AUTHENTICATOR)
    url = getattr(authenticator, "resource_metadata", None)
    if url is not None and value.startswith("Bearer ") and "resource_metadata=" not in value:
        headers[_HEADER] = f'{value}, resource_metadata="{url}"'
