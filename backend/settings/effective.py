"""The effective settings, for the operator: each value, where it comes from, and no secret."""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from backend.settings.authentication import AuthSettings
from backend.settings.sources import IN_FILES

_DEFAULT: Final = "default"
_DATABASE_URL: Final = "DATABASE_URL"

# The part after the user in the URL of a database: the hosts, and the name of the database.
_HOSTS: Final = re.compile(r"(?:(?:\[[^\]]*\]|[^:,]*)(?::[0-9]*)?(?:,|$))*")
_PATH: Final = re.compile(r"(?:/[^/;=@]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveSetting:
    """A setting as the server uses it.

    Attributes:
        variable: The environment variable of the setting.
        value: The value as text, without secrets; None if the setting is not set.
        origin: Where the value comes from.
        is_secret: Whether the setting is a secret; then `value` says only its size.
    """

    variable: str
    value: str | None
    origin: str
    is_secret: bool = False


def effective_settings(
    settings: AuthSettings,
    *,
    options: Collection[str] = (),
    lines: Mapping[str, str] | None = None,
    invalid: Collection[str] = (),
    kept: Mapping[str, str] | None = None,
) -> list[EffectiveSetting]:
    """Describe every setting.

    The environment must be the same as when the settings were read.

    Args:
        settings: The settings of the server.
        options: The variables that options of the command line replace.
        lines: Where a file sets a variable, by the name in upper case: for example `.env, line 3`.
        invalid: The variables with invalid values. The server uses the defaults instead.
        kept: The origin of variables that are set elsewhere, for example in `.dev-secret`.
    """
    described = []
    for setting in type(settings).model_fields:
        variable = setting.upper()
        origin = (kept or {}).get(variable) or _origin(variable, options, lines or {})
        if variable in invalid and origin != _DEFAULT:
            origin = f"default, because the value is invalid ({origin})"
        value, is_secret = _text(variable, getattr(settings, setting))
        described.append(
            EffectiveSetting(variable=variable, value=value, origin=origin, is_secret=is_secret)
        )
    return described


def _origin(variable: str, options: Collection[str], lines: Mapping[str, str]) -> str:
    if variable in options:
        return f"option --{variable.lower()}"
    names = {name.upper(): name for name, value in os.environ.items() if value}
    if variable in names:
        return lines.get(variable, "environment")
    in_file = f"{variable}_FILE"
    if variable.lower() in IN_FILES and in_file in names:
        where = lines.get(in_file, "environment")
        return f"file of {in_file} ({where})"
    return _DEFAULT


def _text(variable: str, value: Any) -> tuple[str | None, bool]:
    """Return a value in the format of its variable, and whether the value is a secret."""
    is_secret = False
    text: str | None
    match value:
        case None | ():
            text = None
        case SecretStr() if variable == _DATABASE_URL:
            text = _without_password(value.get_secret_value())
        case SecretStr():
            text, is_secret = _size(value), True
        case (SecretStr(), *_):
            text, is_secret = ", ".join(map(_versioned, value)), True
        case bool():
            text = "on" if value else "off"
        case tuple():
            text = ",".join(map(str, value))
        case float():
            text = f"{value:g}"
        case _:
            text = str(value.value if isinstance(value, Enum) else value)
    return text, is_secret


def _size(secret: SecretStr) -> str:
    return f"set ({len(secret.get_secret_value().encode())} bytes)"


def _versioned(entry: SecretStr) -> str:
    version, _, secret = entry.get_secret_value().partition(":")
    return f"{version}:{_size(SecretStr(secret.strip()))}"


def _without_password(url: str) -> str:
    """Return the URL of a database without password and parameters, which may have secrets.

    A password that is not escaped can be in any part. In that case, the URL is not shown at all.
    """
    if url.startswith("sqlite:"):
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return "set"
    user, at, host = parts.netloc.rpartition("@")
    is_clear = _HOSTS.fullmatch(host) and _PATH.fullmatch(parts.path)
    if not is_clear or "@" in parts.query or parts.fragment:
        return "set"
    name, colon, _ = user.partition(":")
    parameters = "?..." if parts.query else ""
    return f"{parts.scheme}://{name}{colon and ':***'}{at}{host}{parts.path}{parameters}"
