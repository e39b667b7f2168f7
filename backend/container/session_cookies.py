"""Makes the verifier of session cookies, and names the accepted cookies."""

from collections.abc import Callable, Sequence
from typing import Any

from backend.adapters.auth.better_auth.cookie_formats import (
    CompactCookieDecoder,
    CookieDecoder,
    JweCookieDecoder,
    JwtCookieDecoder,
)
from backend.adapters.auth.better_auth.session_cookie import SessionCookieVerifier
from backend.adapters.auth.jwks.keys import JwksKeys
from backend.container.issuer import Issuer
from backend.container.tokens import sources, to_principal, with_cache
from backend.domain.auth import TokenVerifier
from backend.domain.revocation import RevocationCheck
from backend.settings.authentication import AuthSettings
from backend.settings.values import CookieCache


def make_verifier(  # noqa: PLR0913 - the parts of the container
    settings: AuthSettings,
    issuer: Issuer,
    jwks: JwksKeys | None,
    clock: Callable[[], float],
    tracer: Any = None,
    *,
    revocation: RevocationCheck | None = None,
) -> TokenVerifier | None:
    """Make the verifier of session cookies; None if cookies are not accepted."""
    if settings.auth_cookie is CookieCache.OFF:
        return None
    verifier = SessionCookieVerifier(
        cookie_decoder(settings, issuer, jwks),
        version=settings.auth_cookie_version,
        leeway=settings.auth_leeway,
        to_principal=to_principal(settings, issuer, revocation),
        clock=clock,
    )
    return with_cache(
        verifier, settings, jwks, clock, tracer, revocation=revocation, credential="cookie"
    )


def cookie_decoder(settings: AuthSettings, issuer: Issuer, jwks: JwksKeys | None) -> CookieDecoder:
    """Make the decoder of session cookies in the format that `AUTH_COOKIE` names."""
    secrets = [secret.encode() for secret in settings.secrets]
    if settings.auth_cookie is CookieCache.JWE:
        return JweCookieDecoder(secrets)
    if settings.auth_cookie is CookieCache.COMPACT:
        return CompactCookieDecoder(secrets[0])  # Better Auth accepts old secrets for JWE only
    if secrets:
        return JwtCookieDecoder.with_secret(secrets[0])
    return JwtCookieDecoder.with_jwks(sources(settings, jwks), issuers=issuer.issuers)


def web_origins(settings: AuthSettings, issuer: Issuer) -> frozenset[str]:
    """Return the origins whose pages may send changes with a session cookie."""
    return issuer.origins | {*settings.cors_origins}


def accepted_names(settings: AuthSettings) -> Sequence[str]:
    """Return the accepted names of the session cookie, the preferred name first.

    Better Auth adds `__Secure-` if its base URL is https. Then the plain name is not accepted,
    because any host below the same domain could set a plain cookie, even over http.
    """
    plain, secure = settings.auth_cookie_name, f"__Secure-{settings.auth_cookie_name}"
    if settings.better_auth_url is None:
        return [secure, plain]
    return [secure if settings.better_auth_url.startswith("https:") else plain]
