"""Reads the settings from the environment, and reports every invalid setting at once."""

import os
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr
from pydantic_settings import EnvSettingsSource

from backend.settings.authentication import AuthSettings
from backend.settings.complaints import Complaint, ConfigurationError, errors_of
from backend.settings.mcp import mcp_complaints
from backend.settings.origins import PORT_MAX
from backend.settings.tracing import tracing_complaints
from backend.settings.values import (
    AnyCase,
    DatabaseUrl,
    HeaderNames,
    Hosts,
    LogFormat,
    LogLevel,
    Networks,
    RevocationStorage,
    RootPath,
    Url,
)

__all__ = ["AuthSettings", "Complaint", "ConfigurationError", "Settings", "errors_of"]


class Settings(AuthSettings):
    """The settings of the Todo API: those of authentication, and those of the server."""

    auth_require_scopes: bool = Field(default=False, description="on or off")
    auth_revocation: Annotated[RevocationStorage, AnyCase] = Field(
        default=RevocationStorage.OFF, description="off or database"
    )
    auth_revocation_max_age: float = Field(default=5, ge=1, le=300, description="1 to 300 seconds")
    database_url: DatabaseUrl = Field(
        default=SecretStr("sqlite:///todos.db"),
        description="sqlite:///todos.db or postgresql://user:password@host/database",
    )
    database_pool_size: int = Field(
        default=10, ge=1, le=1000, description="1 to 1000 connections for each worker"
    )
    database_connect_timeout: float = Field(
        default=5, ge=0.1, le=300, description="0.1 to 300 seconds"
    )
    database_statement_timeout: float = Field(
        default=5, ge=0.1, le=300, description="0.1 to 300 seconds"
    )
    database_prepared_statements: bool = Field(
        default=True, description="on, or off behind a connection pooler in transaction mode"
    )
    todos_max_per_user: int = Field(
        default=10_000, ge=1, le=1_000_000, description="1 to 1000000 todos"
    )
    host: str = Field(default="127.0.0.1", description="an address to listen on")
    port: int = Field(default=8000, ge=0, le=PORT_MAX, description="a port from 0 to 65535")
    workers: int = Field(default=1, ge=1, le=64, description="1 to 64 processes")
    keep_alive: int = Field(
        default=75, ge=1, le=3600, description="1 to 3600 seconds, more than the load balancer's"
    )
    shutdown_delay: float = Field(default=0, ge=0, le=300, description="0 to 300 seconds")
    forwarded_allow_ips: Networks = Field(
        default=(), description="addresses or networks of proxies, like 10.0.0.0/8"
    )
    cors_headers: HeaderNames = Field(
        default=(), description="a comma-separated list of header names"
    )
    mcp_url: Url | None = Field(
        default=None, description="the URL of the MCP server, like https://mcp.example.com/mcp"
    )
    root_path: RootPath | None = Field(default=None, description="a path like /todos")
    trusted_hosts: Hosts = Field(
        default=(), description="host names like api.example.com or *.example.com"
    )
    log_level: Annotated[LogLevel, AnyCase] = Field(
        default=LogLevel.INFO, description="debug, info, warning or error"
    )
    log_format: Annotated[LogFormat, AnyCase] = Field(
        default=LogFormat.CONSOLE, description="console or json"
    )
    docs: bool | None = Field(default=None, description="on or off")  # None: on in `dev` only
    metrics: bool = Field(default=True, description="on or off")

    @classmethod
    def read(cls, **overrides: Any) -> tuple[Self, list[Complaint]]:
        """Read the settings, and check the standard `OTEL_*` variables too; see `AuthSettings`."""
        settings, complaints = super().read(**overrides)
        complaints += mcp_complaints(settings.mcp_url, settings)
        return settings, [*complaints, *tracing_complaints(os.environ)]

    @property
    def processes(self) -> int:
        """The number of processes of this server that fetch the key set."""
        return self.workers

    @classmethod
    def _environment(cls, _overrides: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values of environment variables, by setting."""
        return EnvSettingsSource(cls)()
