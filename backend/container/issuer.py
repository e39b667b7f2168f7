"""The trusted issuer. For each provider, a function makes an `Issuer` from the settings."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from backend.adapters.auth.better_auth.custom_claims import with_claims
from backend.adapters.auth.better_auth.tokens import BetterAuthUrls, to_principal
from backend.adapters.auth.claims import ToPrincipal
from backend.adapters.auth.machine_tokens import with_machine_tokens
from backend.settings.authentication import AuthSettings
from backend.settings.values import Provider, SessionTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedResource:
    """This API as a resource that OAuth clients ask access to (RFC 8707, RFC 9728).

    Attributes:
        identifier: The URL that clients request: the audience of their access tokens.
        issuers: The accepted values of `iss` in OAuth access tokens.
    """

    identifier: str
    issuers: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """The issuer whose tokens are trusted.

    Attributes:
        keys_url: The URL of the issuer's key set, or of the metadata that name it; None if tokens
            are signed with a secret only.
        metadata_issuer: The issuer whose metadata are at that URL; None if the URL is that of the
            key set.
        issuers: The accepted values of the claim `iss`.
        audiences: The accepted audiences.
        audience_claim: The claim that names the audience.
        origins: The web origins of the issuer's own pages.
        to_principal: Turns verified claims and their expiry into a `Principal`.
        resource: The resource of OAuth access tokens; None if `AUTH_RESOURCE` is not set.
        get_session_url: The URL that returns the session of a session token; None if session
            tokens are not accepted.
    """

    keys_url: str | None
    metadata_issuer: str | None = None
    issuers: frozenset[str]
    audiences: frozenset[str]
    audience_claim: str = "aud"
    origins: frozenset[str]
    to_principal: ToPrincipal
    resource: ProtectedResource | None = None
    get_session_url: str | None = None


def choose_issuer(settings: AuthSettings, clock: Callable[[], float] = time.time) -> Issuer:
    """Describe the issuer that `AUTH_PROVIDER` names.

    Args:
        settings: The settings of the provider.
        clock: Returns the time in seconds since the epoch.
    """
    is_oidc = settings.auth_provider is Provider.OIDC
    issuer = oidc(settings) if is_oidc else better_auth(settings, clock)
    accepts_machines = settings.auth_machine_tokens
    return replace(
        issuer, to_principal=with_machine_tokens(issuer.to_principal, accepted=accepts_machines)
    )


def oidc(settings: AuthSettings) -> Issuer:
    """Describe any OpenID Connect issuer, whose metadata name its key set.

    Args:
        settings: The issuer, its audiences, and the names of its claims.
    """
    # Only servers with this provider need its adapter.
    from backend.adapters.auth.oidc.claims import (  # noqa: PLC0415 - see above
        ClaimMapping,
        principal_mapping,
    )
    from backend.adapters.auth.oidc.discovery import metadata_url  # noqa: PLC0415 - see above

    issuer = settings.oidc_issuer or ""
    # `email_verified` says nothing about an address in another claim, which users may choose.
    verified = "email_verified" if settings.oidc_claim_email == "email" else ""
    mapping = ClaimMapping(
        user_id=settings.oidc_claim_user_id,
        email=settings.oidc_claim_email,
        email_verified=settings.oidc_claim_email_verified or verified,
        name=settings.oidc_claim_name,
        roles=settings.oidc_claim_roles or "",
        scopes=settings.oidc_claim_scopes,
    )
    return Issuer(
        keys_url=settings.auth_jwks_url or metadata_url(issuer),
        metadata_issuer=None if settings.auth_jwks_url else issuer,
        issuers=frozenset([issuer]),
        audiences=frozenset(settings.auth_audience),
        audience_claim=settings.oidc_claim_audience,
        origins=frozenset(),
        to_principal=principal_mapping(mapping, settings.auth_claims),
        resource=_resource(settings, issuers=frozenset([issuer])),
    )


def better_auth(settings: AuthSettings, clock: Callable[[], float] = time.time) -> Issuer:
    """Describe Better Auth. By default, issuer and audience are its origin.

    Args:
        settings: The base URL, the settings that override values derived from that URL, and the
            names of further claims.
        clock: Returns the time in seconds since the epoch.
    """
    base_url = settings.better_auth_url
    urls = BetterAuthUrls.from_base_url(base_url) if base_url else None
    origin = frozenset([urls.origin] if urls else [])
    # A custom `issuer` in Better Auth's plugin `jwt` is the issuer of both kinds of tokens.
    oauth_issuers = frozenset(settings.auth_issuer) or frozenset([urls.base] if urls else [])
    # A session token is not limited to a resource. The MCP server is a resource (`MCP_URL`).
    accepts_session_tokens = (
        settings.auth_session_tokens is not SessionTokens.OFF and settings.auth_resource is None
    )
    return Issuer(
        keys_url=settings.auth_jwks_url or (urls.jwks if urls else None),
        issuers=frozenset(settings.auth_issuer) or origin,
        audiences=frozenset(settings.auth_audience) or origin,
        origins=origin,
        to_principal=with_claims(
            functools.partial(to_principal, clock=clock), settings.auth_claims
        ),
        resource=_resource(settings, issuers=oauth_issuers),
        get_session_url=urls.get_session if urls and accepts_session_tokens else None,
    )


def _resource(settings: AuthSettings, *, issuers: frozenset[str]) -> ProtectedResource | None:
    if settings.auth_resource is None:
        return None
    return ProtectedResource(identifier=settings.auth_resource, issuers=issuers)
