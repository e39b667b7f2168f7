"""Makes what reads and verifies session cookies. Imported only if cookies are accepted."""

from collections.abc import Callable

from backend.adapters.auth.better_auth.cookie_formats import (
    CompactCookieDecoder,
    CookieDecoder,
    JweCookieDecoder,
    JwtCookieDecoder,
)
from backend.adapters.auth.better_auth.session_cookie import SessionCookieVerifier
from backend.adapters.auth.keys import IssuerKeys
from backend.container.issuer import Issuer
from backend.container.tokens import sources, to_principal
from backend.domain.revocation import RevocationCheck
from backend.settings.authentication import AuthSettings
from backend.settings.values import CookieCache


def make(
    settings: AuthSettings,
    issuer: Issuer,
    jwks: IssuerKeys | None,
    clock: Callable[[], float],
    revocation: RevocationCheck | None,
) -> SessionCookieVerifier:
    """Make the verifier of session cookies, without a cache."""
    return SessionCookieVerifier(
        cookie_decoder(settings, issuer, jwks),
        version=settings.auth_cookie_version,
        leeway=settings.auth_leeway,
        to_principal=to_principal(settings, issuer, revocation),
        clock=clock,
    )


def cookie_decoder(
    settings: AuthSettings, issuer: Issuer, jwks: IssuerKeys | None
) -> CookieDecoder:
    """Make the decoder of session cookies in the format that `AUTH_COOKIE` names."""
    secrets = [secret.encode() for secret in settings.secrets]
    if settings.auth_cookie is CookieCache.JWE:
        return JweCookieDecoder(secrets)
    if settings.auth_cookie is CookieCache.COMPACT:
        return CompactCookieDecoder(secrets[0])  # Better Auth accepts old secrets for JWE only
    if secrets:
        return JwtCookieDecoder.with_secret(secrets[0])
    return JwtCookieDecoder.with_jwks(sources(settings, jwks), issuers=issuer.issuers)
