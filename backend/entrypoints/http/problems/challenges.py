"""The `WWW-Authenticate` header of 401 and 403 (RFC 6750, section 3)."""

from typing import Final

REALM: Final = "api"
INSUFFICIENT_SCOPE: Final = "insufficient_scope"


def challenge(**attributes: str) -> str:
    """Return a challenge for bearer tokens.

    Args:
        **attributes: Its attributes, without quotes or backslashes, for example `error`.
    """
    values = {"realm": REALM, **attributes}
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in values.items())
