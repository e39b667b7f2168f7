"""The trusted issuer. For each provider, a function makes an `Issuer` from the settings."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

from backend.adapters.auth.better_auth.custom_claims import with_claims
from backend.adapters.auth.better_auth.tokens import BetterAuthUrls, to_principal
from backend.adapters.auth.claims import Claims
from backend.domain.auth import Principal
from backend.settings.authentication import AuthSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """The issuer whose tokens are trusted.

    Attributes:
        jwks_url: The URL of the issuer's key set; None if tokens are signed with a secret only.
        issuers: The accepted values of the claim `iss`.
        audiences: The accepted values of the claim `aud`.
        origins: The web origins of the issuer's own pages.
        to_principal: Turns verified claims and their expiry into a `Principal`.
    """

    jwks_url: str | None
    issuers: frozenset[str]
    audiences: frozenset[str]
    origins: frozenset[str]
    to_principal: Callable[[Claims, float], Principal]


def better_auth(settings: AuthSettings, clock: Callable[[], float] = time.time) -> Issuer:
    """Describe Better Auth. By default, issuer and audience are its origin.

    Args:
        settings: Its base URL, the settings that override what is derived from that URL, and the
            names of further claims.
        clock: Returns the time in seconds since the epoch.
    """
    base_url = settings.better_auth_url
    urls = BetterAuthUrls.from_base_url(base_url) if base_url else None
    origin = frozenset([urls.origin] if urls else [])
    return Issuer(
        jwks_url=settings.auth_jwks_url or (urls.jwks if urls else None),
        issuers=frozenset(settings.auth_issuer) or origin,
        audiences=frozenset(settings.auth_audience) or origin,
        origins=origin,
        to_principal=with_claims(
            functools.partial(to_principal, clock=clock), settings.auth_claims
        ),
    )
