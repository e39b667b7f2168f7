"""Writes hosts and URLs like JavaScript's `URL`, so that equal texts mean equal hosts.

Better Auth writes `iss` with `URL.origin`, and browsers write the `Origin` header the same way. So
every host and origin of the settings is written in this form before it is compared or fetched. This
module refuses a host if the form is not certain.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from unicodedata import bidirectional

import idna

PORT_MAX: Final = 65_535

_URL: Final = re.compile(
    r"((?ai:https?))://(\[[^\[\]]*\]|[^\[\]/?#@:\\]+)(?::([0-9]{1,5}))?"
    r"(/[\w.~!$&'()*+,;=:@%/-]*)?"
)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PUNYCODE: Final = "xn--"
_CAPITAL_SHARP_S: Final = "\u1e9e"  # `ss` for Node.js 20, and since Unicode 15.1 `ß`
_DOMAIN_MAX: Final = 253
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})


def canonical_url(url: str) -> str:
    """Return an http:// or https:// URL with its origin as `URL.origin` writes it.

    The path stays as it is.

    Raises:
        ValueError: The text is not an http or https URL, has a user name, a query or a fragment, or
            has an invalid host or port. The message does not quote the text, which may hold a
            password.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("not an http:// or https:// URL with only a host, a port and a path")
    scheme, port = match[1].lower(), int(match[3] or 0)
    try:
        host = canonical_host(match[2])
    except ValueError:
        raise ValueError("the URL has an invalid host") from None
    if port > PORT_MAX:
        raise ValueError("the URL has an invalid port")
    has_port = match[3] is not None and port != _DEFAULT_PORTS[scheme]
    return f"{scheme}://{host}{f':{port}' if has_port else ''}{match[4] or ''}"


def canonical_host(host: str) -> str:
    """Return a host as `URL.hostname` writes it: a name in ASCII, or an address.

    Names follow UTS #46 without transitional processing: `faß.de` is `xn--fa-hia.de`. An IPv6
    address is in brackets. IPv4 addresses must have four decimal parts: `0x7f.1` is refused.

    Raises:
        ValueError: The host is neither a name nor an address.
    """
    if host.startswith("["):
        return _ipv6(host)
    if _CAPITAL_SHARP_S in host:
        raise ValueError("releases of JavaScript disagree about a capital sharp s")
    try:
        name = idna.uts46_remap(host, std3_rules=False)
        root = "." if name.endswith(".") else ""
        labels = name.removesuffix(".").split(".")
        _check_direction(labels)
        labels = [_ascii_label(label) for label in labels]
    except UnicodeError as error:  # includes every error of idna
        raise ValueError(str(error)) from None
    name = ".".join(labels)
    if len(name) > _DOMAIN_MAX:
        raise ValueError("the name is too long")
    if _NUMBER.fullmatch(labels[-1]):
        return str(IPv4Address(name + root))
    return name + root


def is_loopback(host: str) -> bool:
    """Return whether a host name is `localhost` or a loopback address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _ascii_label(label: str) -> str:
    if not label.isascii():
        return idna.alabel(label).decode("ascii")
    if not _LABEL.fullmatch(label):
        raise ValueError("the name has an invalid label")
    if label.startswith(_PUNYCODE) and not _is_punycode(label.removeprefix(_PUNYCODE)):
        raise ValueError("the name has an invalid label in Punycode")
    return label


def _is_punycode(encoded: str) -> bool:
    """Return whether a text after `xn--` is the only encoding of a label that is not ASCII."""
    label = encoded.encode("ascii").decode("punycode")
    return (
        not label.isascii()
        and label.encode("punycode").decode("ascii") == encoded
        and idna.uts46_remap(label) == label
    )


def _check_direction(labels: list[str]) -> None:
    """Check every label by the Bidi Rule if any label has right-to-left characters (RFC 5893)."""
    if any(bidirectional(character) in _RIGHT_TO_LEFT for character in "".join(labels)):
        for label in filter(None, labels):
            idna.check_bidi(label, check_ltr=True)


def _ipv6(host: str) -> str:
    if not host.endswith("]") or "%" in host:  # no zone: `URL` refuses it
        raise ValueError("not an IPv6 address in brackets")
    address = IPv6Address(host[1:-1])
    if address.ipv4_mapped:  # newer versions of Python write its last part as an IPv4 address
        last = int(address.ipv4_mapped)
        return f"[::ffff:{last >> 16:x}:{last & 0xFFFF:x}]"
    return f"[{address.compressed}]"
