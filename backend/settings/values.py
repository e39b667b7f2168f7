"""The types of single settings. Each type rejects invalid values and names the problem."""

import ipaddress
import re
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from backend.settings.origins import canonical_host, canonical_url
from backend.settings.page_origins import canonical_page_origin

SECRET_MIN_BYTES: Final = 32
PUBLISHED_SECRETS: Final = frozenset({"better-auth-secret-12345678901234567890"})
HMAC_ALGORITHMS: Final = frozenset({"HS256"})
ASYMMETRIC_ALGORITHMS: Final = frozenset(
    {
        *("EdDSA", "Ed25519", "ES256", "ES384", "ES512"),
        *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    }
)

_SHOWABLE: Final = re.compile(r"[\w-]{1,16}", re.ASCII)  # secrets have 32 characters or more
_COOKIE_NAME: Final = re.compile(r"[\w.-]{1,64}", re.ASCII)
_HEADER_NAME: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
_ROOT_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[\w.~-]+)+", re.ASCII)
_DRIVER: Final = re.compile(r"(?:sqlite|postgres(?:ql)?)(\+\w{1,32}):")
_DATABASE: Final = re.compile(r"sqlite:///(?!:memory:)[^?#]+|postgres(?:ql)?://.+")


class CookieCache(StrEnum):
    """The format of Better Auth's session cookie (`session.cookieCache.strategy`)."""

    OFF = "off"
    COMPACT = "compact"
    JWT = "jwt"
    JWE = "jwe"


class Provider(StrEnum):
    """The kind of the issuer."""

    BETTER_AUTH = "better-auth"
    OIDC = "oidc"


class SessionTokens(StrEnum):
    """How the session tokens of Better Auth's plugin `bearer` are verified."""

    OFF = "off"
    GET_SESSION = "get-session"


class RevocationStorage(StrEnum):
    """Where the revocations of tokens are stored."""

    OFF = "off"
    DATABASE = "database"


class LogFormat(StrEnum):
    """The format of the log: text for people, JSON for machines."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The lowest level that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def split(value: Any) -> Any:
    """Split a comma-separated string; return any other value unchanged, for pydantic to check."""
    if not isinstance(value, str):
        return value
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _check_secret(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    if secret in PUBLISHED_SECRETS:
        raise ValueError("everyone knows this secret: Better Auth publishes it for development")
    length = len(secret.encode())
    if length < SECRET_MIN_BYTES:
        raise ValueError(f"a secret of {length} bytes can be guessed")
    return value


def _check_version(value: SecretStr) -> SecretStr:
    version, _, secret = value.get_secret_value().partition(":")
    if not version.isdecimal():
        raise ValueError("each entry must start with a version number and a colon")
    _check_secret(SecretStr(secret.strip()))
    return value


def _check_algorithms(value: tuple[str, ...]) -> tuple[str, ...]:
    unknown = sorted(set(value) - HMAC_ALGORITHMS - ASYMMETRIC_ALGORITHMS)
    if unknown:
        # Another text may be a secret in the wrong place.
        shown = [name if _SHOWABLE.fullmatch(name) else "another text" for name in unknown]
        raise ValueError(f"not supported: {', '.join(shown)}")
    return value


def _check_database(value: SecretStr) -> SecretStr:
    driver = _DRIVER.match(value.get_secret_value())
    if driver:
        raise ValueError(f"the URL must not name a driver, so remove {driver[1]}")
    if not _DATABASE.fullmatch(value.get_secret_value()):
        raise ValueError("not the URL of an SQLite file or of a PostgreSQL database")
    return value


def _check_issuer(value: str) -> str:
    if value.endswith("/.well-known/openid-configuration"):
        raise ValueError("this is the URL of the metadata, not the issuer")
    if canonical_url(value) != value:
        raise ValueError("the scheme and the host must be in lower case, without a default port")
    return value


def _check_origins(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(canonical_page_origin, value))


def _check_header_names(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_HEADER_NAME.fullmatch(name) for name in value):
        raise ValueError("a name may contain only letters, digits, dashes and underscores")
    return value


def _check_root_path(value: str) -> str:
    prefix = value.rstrip("/")
    if prefix and not _ROOT_PATH.fullmatch(prefix):
        raise ValueError("a prefix starts with a slash and has no empty, . or .. segments")
    return prefix


def _check_hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(map(_canonical_pattern, value))
    except ValueError:
        raise ValueError("a host must be a name, or *. followed by a name") from None


def _canonical_pattern(host: str) -> str:
    """Return a host, or a name after `*.`, as clients send it."""
    if host == "*":
        return host
    if not host.startswith("*."):
        return canonical_host(host)
    name = canonical_host(host.removeprefix("*."))
    if name.startswith("[") or name.rpartition(".")[2].isdecimal():
        raise ValueError("an address has no hosts below it")
    return f"*.{name}"


def _check_networks(value: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(text)) for text in value)
    except ValueError:
        raise ValueError("a proxy must be an address, or a network without host bits") from None


def _check_cookie_name(value: str) -> str:
    if not _COOKIE_NAME.fullmatch(value):
        raise ValueError(
            "the name may contain only 1 to 64 letters, digits, dots, dashes and underscores"
        )
    if value.startswith(("__Secure-", "__Host-")):
        raise ValueError("the name must not include the prefix __Secure- or __Host-")
    return value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]
Url = Annotated[str, AfterValidator(canonical_url)]
IssuerUrl = Annotated[str, AfterValidator(_check_issuer)]
Secret = Annotated[SecretStr, AfterValidator(_check_secret)]
VersionedSecrets = Annotated[
    tuple[Annotated[SecretStr, AfterValidator(_check_version)], ...],
    NoDecode,
    BeforeValidator(split),
]
Algorithms = Annotated[Words, AfterValidator(_check_algorithms)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_check_database)]
Origins = Annotated[Words, AfterValidator(_check_origins)]
HeaderNames = Annotated[Words, AfterValidator(_check_header_names)]
RootPath = Annotated[str, AfterValidator(_check_root_path)]
Hosts = Annotated[Words, AfterValidator(_check_hosts)]
Networks = Annotated[Words, AfterValidator(_check_networks)]
CookieName = Annotated[str, AfterValidator(_check_cookie_name)]
AnyCase = BeforeValidator(_lower)
