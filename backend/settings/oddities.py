"""Warns about values that are valid, but probably a mistake."""

import contextlib
import socket
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Final

from backend.settings.complaints import Complaint
from backend.settings.values import SECRET_MIN_BYTES, split

_QUOTES: Final = "\"'`"
_LINE_BREAKS: Final = "\r\n"


def odd_secrets(raw: Mapping[str, Any], variables: Mapping[str, str]) -> Iterator[Complaint]:
    """Warn about secrets that begin or end with a character that is probably a mistake.

    Better Auth may use exactly this secret, so nothing is refused or changed.

    Args:
        raw: The settings that are set, before validation; values may be invalid.
        variables: The variables of the settings whose values are in files.
    """
    versioned: Iterable[object] = split(raw.get("better_auth_secrets")) or ()
    secrets: Mapping[str, Iterable[object]] = {
        "better_auth_secret": [raw.get("better_auth_secret")],
        "better_auth_secrets": [str(entry).partition(":")[2].strip() for entry in versioned],
    }
    for setting, texts in secrets.items():
        for text in texts:
            if isinstance(text, str) and len(text.encode(errors="replace")) >= SECRET_MIN_BYTES:
                yield from _odd_secret(variables.get(setting, setting.upper()), text)


def unusable_host(host: str) -> Complaint | None:
    """Return a warning if a host name of the environment is not an address of this machine.

    Other programs set HOST too: conda sets it to `x86_64-conda-linux-gnu`. An IP address must be
    meant for this server, so it causes no warning; the server does not start if the address is
    unusable.
    """
    with contextlib.suppress(ValueError):
        ip_address(host)
        return None
    with socket.socket() as probe, contextlib.suppress(OSError, UnicodeError):
        probe.bind((host, 0))
        return None
    return Complaint(
        "HOST",
        f"{host} is not an address of this machine, so 127.0.0.1 is used",
        "If you want to listen on another address, set HOST or pass --host.",
        is_warning=True,
    )


def _odd_secret(variable: str, secret: str) -> Iterator[Complaint]:
    begins, ends = _name(secret[0]), _name(secret[-1])
    if begins and begins == ends:
        problem = f"begins and ends with {begins}"
    else:
        parts = {"begins": begins, "ends": ends}
        problem = " and ".join(f"{verb} with {name}" for verb, name in parts.items() if name)
    if problem:
        yield Complaint(
            variable,
            f"the secret {problem}",
            "Better Auth must use exactly the same characters. If its secret does not have this"
            " character, remove the character here.",
            is_warning=True,
        )


def _name(character: str) -> str | None:
    """Return the name of a character that is odd at an end of a secret; None for another."""
    if character in _QUOTES:
        return "a quotation mark"
    if character in _LINE_BREAKS:
        return "a line break"
    if character.isspace():
        return "a space"
    return None if character.isprintable() else "an invisible character"
