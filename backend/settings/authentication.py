"""The settings of authentication alone, for any FastAPI app."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Self

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from backend.settings.claim_names import ClaimName, ClaimNames, TopLevelClaim
from backend.settings.complaints import Complaint, ConfigurationError, errors_of
from backend.settings.consistency import ISSUERS
from backend.settings.issuer_list import IssuerList
from backend.settings.oidc import uses_oidc
from backend.settings.raw_values import is_off
from backend.settings.resource import ResourceUrl
from backend.settings.sources import names_any, read_sources, variables_of
from backend.settings.spelling import misspellings
from backend.settings.validation import validated
from backend.settings.values import (
    ASYMMETRIC_ALGORITHMS,
    Algorithms,
    AnyCase,
    CookieCache,
    CookieName,
    IssuerUrl,
    Origins,
    Provider,
    Secret,
    SessionTokens,
    Url,
    VersionedSecrets,
    Words,
)

_URL_EXAMPLE: Final = "a URL like https://app.example.com"
_CLAIM: Final = "the name of a claim, or a JSON Pointer like /realm_access/roles"


class AuthSettings(BaseSettings):
    """The settings of authentication, with the names of their environment variables in lower case.

    No other variable is read, so an app can use HOST, PORT or DATABASE_URL for itself.

    A field's description completes the remedy of a complaint: "Set it to {description}."
    `AuthSettings(…)` uses its arguments only; `load` and `read` also read the environment.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        env_ignore_empty=True,
        defer_build=True,  # one of the two classes is used, and only one
    )

    auth_trusted_issuers: IssuerList | None = Field(
        default=None, description="a JSON list with an object for each issuer"
    )
    better_auth_url: Url | None = Field(default=None, description=_URL_EXAMPLE)
    better_auth_secret: Secret | None = Field(
        default=None,
        description="the secret that Better Auth uses, 32 bytes or more: `openssl rand -hex 32`",
    )
    better_auth_secrets: VersionedSecrets = Field(
        default=(), description="the list that Better Auth uses, newest first: `2:new,1:old`"
    )
    auth_provider: Annotated[Provider, AnyCase] = Field(
        default=Provider.BETTER_AUTH, description="better-auth or oidc"
    )
    oidc_issuer: IssuerUrl | None = Field(
        default=None, description="the issuer, exactly as its tokens have it in iss"
    )
    oidc_claim_user_id: ClaimName = Field(default="sub", description=_CLAIM)
    oidc_claim_email: ClaimName = Field(default="email", description=_CLAIM)
    oidc_claim_email_verified: ClaimName | None = Field(default=None, description=_CLAIM)
    oidc_claim_name: ClaimName = Field(default="name", description=_CLAIM)
    oidc_claim_roles: ClaimName | None = Field(default=None, description=_CLAIM)
    oidc_claim_scopes: ClaimName = Field(default="scope", description=_CLAIM)
    oidc_claim_audience: TopLevelClaim = Field(
        default="aud", description="the name of a claim, like client_id"
    )
    auth_jwks_url: Url | None = Field(default=None, description=_URL_EXAMPLE)
    auth_issuer: Words = Field(default=(), description="a comma-separated list of issuers")
    auth_audience: Words = Field(default=(), description="a comma-separated list of audiences")
    auth_resource: ResourceUrl | None = Field(
        default=None, description="the URL of this API that OAuth clients request as `resource`"
    )
    auth_machine_tokens: bool = Field(default=False, description="on or off")
    auth_algorithms: Algorithms = Field(
        default=(),
        description="a comma-separated list of HS256, " + ", ".join(sorted(ASYMMETRIC_ALGORITHMS)),
    )
    auth_allow_http: bool = Field(default=False, description="on or off")
    auth_leeway: float = Field(default=10, ge=0, le=300, description="0 to 300 seconds")
    auth_max_lifetime: float | None = Field(
        default=None, ge=1, le=31_536_000, description="1 to 31536000 seconds"
    )
    auth_token_max_bytes: int = Field(
        default=16_384, ge=1024, le=49_152, description="1024 to 49152 bytes"
    )
    auth_claims: ClaimNames = Field(
        default=(), description="a comma-separated list like activeOrganizationId,plan"
    )
    auth_cookie: Annotated[CookieCache, AnyCase] = Field(
        default=CookieCache.OFF, description="off, compact, jwt or jwe"
    )
    auth_cookie_name: CookieName = Field(
        default="better-auth.session_data", description="the cookie's name without __Secure-"
    )
    auth_cookie_version: str | None = Field(default=None, description="the cookie cache's version")
    auth_session_tokens: Annotated[SessionTokens, AnyCase] = Field(
        default=SessionTokens.OFF, description="off or get-session"
    )
    auth_session_max_age: float = Field(default=10, ge=0, le=300, description="0 to 300 seconds")
    auth_jwks_max_age: float = Field(default=300, ge=1, le=86_400, description="1 to 86400 seconds")
    auth_jwks_max_stale: float = Field(
        default=3600, ge=0, le=604_800, description="0 to 604800 seconds"
    )
    auth_token_cache_size: int = Field(
        default=10_000, ge=0, le=1_000_000, description="0 to 1000000 tokens"
    )
    cors_origins: Origins = Field(
        default=(), description="origins like https://app.example.com, or *"
    )

    @classmethod
    def settings_customise_sources(
        cls, *_: Any, **sources: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use the arguments only: `read` reads the environment, including invalid values."""
        return (sources["init_settings"],)

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the settings from the environment.

        Args:
            **overrides: Settings that replace those of the environment.

        Raises:
            ConfigurationError: With a complaint about everything that is wrong, without warnings.
        """
        settings, complaints = cls.read(**overrides)
        if errors := errors_of(complaints):
            raise ConfigurationError(errors)
        return settings

    @classmethod
    def read(cls, **overrides: Any) -> tuple[Self, list[Complaint]]:
        """Read the settings from the environment, and check them.

        Args:
            **overrides: Settings that replace those of the environment.

        Returns:
            The settings, with defaults in place of invalid values, and the complaints, which
            include warnings.
        """
        sources = read_sources(cls._environment(overrides), overrides, fields=cls.model_fields)
        complaints = [
            *sources.complaints,
            *misspellings(os.environ, variables_of(cls.model_fields)),
        ]
        sources = replace(sources, complaints=tuple(complaints))
        settings, complaints = validated(cls, sources)
        if issuers := sources.values.get("auth_trusted_issuers"):
            # Few servers need that module, and it imports this module.
            from backend.settings.trusted_issuers import issuer_complaints  # noqa: PLC0415 - see above

            complaints += issuer_complaints(issuers, sources.variable("auth_trusted_issuers"))
        return settings, complaints

    @classmethod
    def names_an_issuer(cls) -> bool:
        """Return whether the environment has a setting that defines the trusted tokens."""
        return names_any(ISSUERS) or uses_oidc(
            {name.lower(): value for name, value in os.environ.items()}
        )

    @property
    def issuer_url(self) -> str | None:
        """The URL of the issuer, as people know it; None if a shared secret signs the tokens."""
        return self.better_auth_url or self.oidc_issuer or self.auth_jwks_url

    @property
    def processes(self) -> int:
        """The number of processes that fetch the key set, as far as the settings know."""
        return 1

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every shared secret, the current secret first, without duplicates."""
        versioned = [secret.get_secret_value() for secret in self.better_auth_secrets]
        current = [self.better_auth_secret.get_secret_value()] if self.better_auth_secret else []
        return tuple(
            dict.fromkeys([*(text.partition(":")[2].strip() for text in versioned), *current])
        )

    @classmethod
    def _environment(cls, overrides: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values of environment variables, by setting.

        CORS_ORIGINS is left out unless session cookies are accepted: the app may use this variable
        for itself, in another format.
        """
        values = EnvSettingsSource(cls)()
        if is_off({**values, **overrides}, "auth_cookie"):
            values.pop("cors_origins", None)
        return values
