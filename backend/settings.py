"""What the environment decides; nonsense is refused at start, with every complaint at once."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

SECRET_MIN_BYTES: Final = 32
PORT_MAX: Final = 65_535
PUBLISHED_SECRETS: Final = frozenset({"better-auth-secret-12345678901234567890"})
HMAC_ALGORITHMS: Final = frozenset({"HS256"})
ASYMMETRIC_ALGORITHMS: Final = frozenset(
    {
        *("EdDSA", "Ed25519", "ES256", "ES384", "ES512"),
        *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    }
)


class LogFormat(StrEnum):
    """For whom is logged: people, or machines."""

    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class ConfigurationError(Exception):
    """The environment asks for something that must not, or cannot, be.

    Attributes:
        complaints: One for each thing wrong: the variable, what is wrong, and the remedy.
    """

    def __init__(self, complaints: Iterable[str]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(self.complaints))


_NAME: Final = r"[\w.-]+"
_URL: Final = re.compile(
    rf"https?://(?:\[([0-9a-f:.]+)\]|({_NAME}))(?::([0-9]{{1,5}}))?(?:/[\w.~!$&'()*+,;=:@%/-]*)?",
    re.IGNORECASE,
)
_ORIGIN: Final = re.compile(rf"https?://(?:\[[0-9a-f:.]+\]|{_NAME})(?::[0-9]{{1,5}})?")
_TRUSTED: Final = re.compile(rf"\[[0-9a-f:.]+\]|(?:\*\.)?{_NAME}", re.IGNORECASE)
_DATABASE: Final = re.compile(r"sqlite:///(?!:memory:)[^?#]+|postgres(?:ql)?://.+")

_ON: Final = frozenset({"1", "on", "t", "true", "y", "yes"})  # as pydantic reads a bool
_ISSUERS: Final = frozenset(
    {"better_auth_url", "better_auth_secret", "better_auth_secrets", "auth_jwks_url"}
)


def _split(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
Url = Annotated[str | None, Field(description="a URL like https://app.example.com")]


class Settings(BaseSettings):
    """The settings, named as their environment variables; each description ends a complaint.

    `Settings(…)` is made of its arguments alone; only `load` and `read` look at the environment.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True
    )

    better_auth_url: Url = None
    better_auth_secret: SecretStr | None = Field(
        default=None,
        description="the secret that Better Auth uses, of 32 bytes or more: `openssl rand -hex 32`",
    )
    better_auth_secrets: Secrets = Field(
        default=(), description="Better Auth's own list, the current secret first: `2:new,1:old`"
    )
    auth_jwks_url: Url = None
    auth_issuer: Words = Field(default=(), description="a comma-separated list of issuers")
    auth_audience: Words = Field(default=(), description="a comma-separated list of audiences")
    auth_algorithms: Words = Field(
        default=(),
        description="a comma-separated list of HS256, " + ", ".join(sorted(ASYMMETRIC_ALGORITHMS)),
    )
    auth_allow_http: bool = Field(default=False, description="on or off")
    auth_leeway: float = Field(default=10, ge=0, le=300, description="0 to 300 seconds")
    auth_jwks_max_age: float = Field(default=300, ge=1, le=86_400, description="1 to 86400 seconds")
    auth_jwks_max_stale: float = Field(
        default=3600, ge=0, le=604_800, description="0 to 604800 seconds"
    )
    auth_token_cache_size: int = Field(
        default=10_000, ge=0, le=1_000_000, description="0 to 1000000 tokens"
    )
    database_url: SecretStr = Field(
        default=SecretStr("sqlite:///todos.db"),
        description="sqlite:///todos.db or postgresql://user:password@host/database",
    )
    host: str = Field(default="127.0.0.1", description="an address to listen on")
    port: int = Field(default=8000, ge=0, le=PORT_MAX, description="a port from 0 to 65535")
    workers: int = Field(default=1, ge=1, le=64, description="1 to 64 processes")
    cors_origins: Words = Field(
        default=(), description="origins like https://app.example.com, or *"
    )
    trusted_hosts: Words = Field(
        default=(), description="host names like api.example.com or *.example.com"
    )
    log_level: Annotated[LogLevel, BeforeValidator(_lower)] = Field(
        default=LogLevel.INFO, description="debug, info, warning or error"
    )
    log_format: Annotated[LogFormat, BeforeValidator(_lower)] = Field(
        default=LogFormat.CONSOLE, description="console or json"
    )
    docs: bool = Field(default=True, description="on or off")
    metrics: bool = Field(default=True, description="on or off")

    @classmethod
    def settings_customise_sources(
        cls, *_: Any, **sources: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave the environment to `read`, which must know what was said even if it is wrong."""
        return (sources["init_settings"],)

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the settings from the environment.

        Args:
            **overrides: Settings that the environment does not decide.

        Raises:
            ConfigurationError: With everything that is wrong with them.
        """
        settings, complaints = cls.read(**overrides)
        if complaints:
            raise ConfigurationError(complaints)
        return settings

    @classmethod
    def read(cls, **overrides: Any) -> tuple[Self, list[str]]:
        """Read the settings from the environment, and what is wrong with them.

        Args:
            **overrides: Settings that the environment does not decide.

        Returns:
            The settings, with defaults in place of what is wrong, and the complaints.
        """
        given = {**EnvSettingsSource(cls)(), **overrides}
        complaints = list(_inconsistencies(given))
        try:
            return cls(**given), complaints
        except ValidationError as error:
            wrong = {problem["loc"][0] for problem in error.errors()}
            sound = {name: value for name, value in given.items() if name not in wrong}
            return cls(**sound), [*map(cls._complaint, error.errors()), *complaints]

    @classmethod
    def names_an_issuer(cls) -> bool:
        """Tell whether the environment says whose tokens to trust."""
        return not _ISSUERS.isdisjoint(EnvSettingsSource(cls)())

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every shared secret, the current one first."""
        versioned = [secret.get_secret_value() for secret in self.better_auth_secrets]
        current = [self.better_auth_secret.get_secret_value()] if self.better_auth_secret else []
        return tuple(dict.fromkeys([*(text.partition(":")[2] for text in versioned), *current]))

    @field_validator("better_auth_url", "auth_jwks_url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is not None:
            _check_http_url(value)
        return value

    @field_validator("better_auth_secret")
    @classmethod
    def _check_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _check_strength(value.get_secret_value())
        return value

    @field_validator("better_auth_secrets")
    @classmethod
    def _check_secrets(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for secret in value:
            version, _, text = secret.get_secret_value().partition(":")
            if not version.isdecimal():
                raise ValueError("an entry does not begin with a version and a colon")
            _check_strength(text)
        return value

    @field_validator("auth_algorithms")
    @classmethod
    def _check_algorithms(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(value) - HMAC_ALGORITHMS - ASYMMETRIC_ALGORITHMS)
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is not an algorithm that is supported")
        return value

    @field_validator("database_url")
    @classmethod
    def _check_database(cls, value: SecretStr) -> SecretStr:
        if not _DATABASE.fullmatch(value.get_secret_value()):
            raise ValueError("neither a file of SQLite nor a PostgreSQL database")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError("an origin is a scheme, a host and a port, and nothing else")
        return value

    @field_validator("trusted_hosts")
    @classmethod
    def _check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(host == "*" or _TRUSTED.fullmatch(host) for host in value):
            raise ValueError("a host is a name, or *. and a name, and nothing else")
        return value

    @classmethod
    def _complaint(cls, error: Mapping[str, Any]) -> str:
        name = str(error["loc"][0])
        problem = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
        return f"{name.upper()}: {problem}. Set it to {cls.model_fields[name].description}."


def is_loopback(host: str) -> bool:
    """Tell whether a host name is this machine's own."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _inconsistencies(given: Mapping[str, Any]) -> Iterable[str]:
    """Complain of what is wrong between settings, whatever may be wrong within one."""
    secret = bool(given.get("better_auth_secret") or _split(given.get("better_auth_secrets")))
    published = bool(given.get("better_auth_url") or given.get("auth_jwks_url"))
    if not secret and not published:
        yield (
            "BETTER_AUTH_URL: neither it nor BETTER_AUTH_SECRET is set, so no token could ever be"
            " verified. Set BETTER_AUTH_URL to the base URL of your Better Auth server (or"
            " BETTER_AUTH_SECRET, if your tokens are signed with HS256)."
        )
        return
    algorithms = set(_split(given.get("auth_algorithms", "")))
    if algorithms & HMAC_ALGORITHMS and not secret:
        yield "AUTH_ALGORITHMS: HS256 needs a secret. Set BETTER_AUTH_SECRET, or leave it out."
    if algorithms & ASYMMETRIC_ALGORITHMS and not published:
        yield (
            "AUTH_ALGORITHMS: all but HS256 need the issuer's key set. Set BETTER_AUTH_URL, or"
            " leave them out."
        )
    allowed = str(given.get("auth_allow_http", "")).lower() in _ON
    name = "auth_jwks_url" if given.get("auth_jwks_url") else "better_auth_url"
    if not allowed and _is_exposed(str(given.get(name) or "")):
        yield (
            f"{name.upper()}: keys fetched over plain HTTP can be replaced on their way. Set it to"
            " an https:// URL, or AUTH_ALLOW_HTTP=on if the network is your own."
        )


def _is_exposed(url: str) -> bool:
    """Tell whether a URL leads over plain HTTP to another machine."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and not is_loopback(parts.hostname or "")
    except ValueError:
        return False


def _check_http_url(value: str) -> None:
    found = _URL.fullmatch(value)
    if found is None:
        raise ValueError("not an http:// or https:// URL of a host, a port and a path only")
    try:
        (ip_address(found[1]) if found[1] else found[2].encode("idna"))
    except ValueError:
        raise ValueError("a URL of no possible host") from None
    if int(found[3] or 0) > PORT_MAX:
        raise ValueError("a URL of no possible port")


def _check_strength(secret: str) -> None:
    if secret in PUBLISHED_SECRETS:
        raise ValueError("the secret that Better Auth publishes for development, known to everyone")
    length = len(secret.encode())
    if length < SECRET_MIN_BYTES:
        raise ValueError(f"a secret of {length} bytes can be guessed")
