"""The URL of a PostgreSQL database, with the parameters that providers and other tools add.

The driver passes a parameter that it does not know to the server, which refuses the connection. So
the parameters of other clients are translated here, or refused by name.
"""

import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

# Parameters of other clients. The driver does the same by default, or has no such feature.
_IGNORED: Final = frozenset(
    {"client_encoding", "gssencmode", "sslcompression", "sslsni", "supa", "uselibpqcompat"}
)
# Parameters that the driver never sees.
_OWN: Final = _IGNORED | {
    *("channel_binding", "connect_timeout", "currentSchema", "fallback_application_name"),
    *("pgbouncer", "prepared_statements", "schema"),
}
_USE_SETTING: Final[Mapping[str, str]] = {
    "connection_limit": "DATABASE_POOL_SIZE",
    "pool_size": "DATABASE_POOL_SIZE",
    "pool_timeout": "DATABASE_CONNECT_TIMEOUT",
    "command_timeout": "DATABASE_STATEMENT_TIMEOUT",
    "socket_timeout": "DATABASE_STATEMENT_TIMEOUT",
}
_USE_SSLMODE: Final = frozenset({"ssl", "sslaccept", "sslidentity", "tls"})
# Parameters of libpq that the driver does not have.
_UNSUPPORTED: Final = frozenset(
    {
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
        *("hostaddr", "load_balance_hosts", "replication", "require_auth", "requirepeer"),
        *("requiressl", "sslcertmode", "sslcrldir", "tcp_user_timeout"),
    }
)
_TRUE_OR_FALSE: Final = ("true", "false")
_VALUES: Final[Mapping[str, Sequence[str]]] = {
    "channel_binding": ("disable", "prefer"),
    "pgbouncer": _TRUE_OR_FALSE,
    "prepared_statements": _TRUE_OR_FALSE,
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "primary", "read-write"),  # the API writes
}
_FILES: Final = frozenset({"sslcert", "sslcrl", "sslkey", "sslrootcert"})
_SYSTEM: Final = "system"  # the certificates of the operating system, as in libpq
_ROOT: Final = Path("~/.postgresql/root.crt")
_SECONDS: Final = re.compile(r"[0-9]{1,3}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


class UrlParameterError(ValueError):
    """A parameter of the URL cannot be used. The message never shows a value.

    Attributes:
        remedy: The change that the operator must make.
    """

    def __init__(self, name: str, problem: str, remedy: str) -> None:
        super().__init__(f"the parameter {name} {problem}")
        self.remedy: Final = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresUrl:
    """A URL that the driver understands, and the options that were taken from the original URL.

    Attributes:
        dsn: The URL for the driver.
        parameters: The parameters in `dsn`.
        connect_timeout: The maximum wait for a connection, in seconds; None if the URL has none.
        pooled: Whether the URL says that a pooler shares sessions between clients.
    """

    dsn: str
    parameters: Mapping[str, str]
    connect_timeout: float | None = None
    pooled: bool = False


def read_url(url: str) -> PostgresUrl:
    """Translate a URL as providers hand it out.

    Raises:
        UrlParameterError: A parameter is not supported, or has an invalid value.
        ValueError: The text is not a URL.
    """
    parts = urlsplit(url)
    original = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not all(map(_NAME.fullmatch, original)):
        raise ValueError("a parameter has an invalid name")  # probably a part of the password
    for name, value in original.items():
        _check(name, value, original)
    parameters = {name: value for name, value in original.items() if name not in _OWN}
    _check_root_certificate(parameters)
    if parameters.get("sslrootcert") == _SYSTEM:
        paths = ssl.get_default_verify_paths()
        parameters["sslrootcert"] = paths.cafile or paths.openssl_cafile
    schema = original.get("schema") or original.get("currentSchema") or "public"
    if schema != "public":
        parameters["search_path"] = '"{}"'.format(schema.replace('"', '""'))
    if "fallback_application_name" in original:
        parameters.setdefault("application_name", original["fallback_application_name"])
    if "," in parts.netloc.rpartition("@")[2]:
        parameters.setdefault("target_session_attrs", "read-write")
    changed = parts._replace(query=urlencode(parameters))
    pooled = original.get("pgbouncer") == "true" or original.get("prepared_statements") == "false"
    return PostgresUrl(
        dsn=url if parameters == original else changed.geturl(),
        parameters=parameters,
        connect_timeout=float(original.get("connect_timeout", 0)) or None,
        pooled=pooled,
    )


def _check(name: str, value: str, parameters: Mapping[str, str]) -> None:
    if name in _USE_SETTING:
        remedy = f"Remove {name} from DATABASE_URL, and set {_USE_SETTING[name]} instead."
        raise UrlParameterError(name, "belongs to another client", remedy)
    if name in _USE_SSLMODE:
        remedy = f"Replace {name} in DATABASE_URL with sslmode=require or sslmode=verify-full."
        raise UrlParameterError(name, "belongs to another client", remedy)
    if name in _UNSUPPORTED:
        remedy = f"Remove {name} from DATABASE_URL."
        raise UrlParameterError(name, "is not supported by the driver", remedy)
    if name == "channel_binding" and value == "require":
        # A verified certificate protects against the same attack.
        if parameters.get("sslmode") == "verify-full":
            return
        raise UrlParameterError(
            name,
            "is set to require, which the driver does not support",
            "Remove channel_binding from DATABASE_URL. To verify the server, set"
            " sslmode=verify-full and sslrootcert=system, or the file of your provider's CA.",
        )
    if value not in _VALUES.get(name, (value,)):
        remedy = f"Set {name} in DATABASE_URL to {_either(_VALUES[name])}, or remove it."
        raise UrlParameterError(name, "has an invalid value", remedy)
    if name == "connect_timeout" and not _SECONDS.fullmatch(value):
        remedy = "Set connect_timeout in DATABASE_URL to a number of seconds, or remove it."
        raise UrlParameterError(name, "has an invalid value", remedy)
    if name in _FILES and value != _SYSTEM and not os.path.isfile(value):  # noqa: PTH113 - raises
        remedy = f"Correct {name} in DATABASE_URL, or let the user of the server read the file."
        raise UrlParameterError(name, "names a file that does not exist", remedy)
    if not value:
        raise UrlParameterError(name, "has no value", f"Remove {name} from DATABASE_URL.")


def _check_root_certificate(parameters: Mapping[str, str]) -> None:
    """Check that there is a certificate to verify the server with, as libpq does."""
    mode, root = parameters.get("sslmode", ""), parameters.get("sslrootcert")
    if root == _SYSTEM and mode != "verify-full":
        raise UrlParameterError(
            "sslrootcert", "is set to system", "Set sslmode=verify-full in DATABASE_URL too."
        )
    known = root or os.environ.get("PGSSLROOTCERT") or _ROOT.expanduser().is_file()
    if mode.startswith("verify-") and not known:
        remedy = "Add sslrootcert to DATABASE_URL: system, or the file of your provider's CA."
        raise UrlParameterError("sslmode", "needs a certificate to verify the server with", remedy)


def _either(values: Sequence[str]) -> str:
    return f"{', '.join(values[:-1])} or {values[-1]}"
