"""Several trusted issuers: each has a container of its own, with its own keys, rules and cache.

With a single issuer there are no such containers, and no request uses this module.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn, TypeVar

from backend.adapters.auth.claims import Claims
from backend.adapters.auth.issuers import IssuerTokenVerifier, with_user_id_prefix
from backend.container.issuer import Issuer, ProtectedResource, choose_issuer
from backend.domain.auth import TokenVerifier
from backend.settings.authentication import AuthSettings

Clock = Callable[[], float]
C = TypeVar("C")


def make_containers(
    container_class: Callable[..., C], settings: AuthSettings, clock: Clock, **parts: Any
) -> Mapping[str, C]:
    """Make the container of each issuer of `AUTH_TRUSTED_ISSUERS`, by the issuer's name.

    Args:
        container_class: The class of the containers.
        settings: The settings of the server.
        clock: Returns the time in seconds since the epoch.
        **parts: Parts that all containers share.

    Raises:
        ConfigurationError: The settings are wrong.
    """
    from backend.settings.trusted_issuers import trusted_issuers  # noqa: PLC0415 - seldom needed

    made = {}
    trusted = trusted_issuers(settings)
    prefixes = {issuer.user_id_prefix for issuer in trusted} - {""}
    for entry in trusted:
        issuer = choose_issuer(entry.settings, clock)
        to_principal = with_user_id_prefix(
            issuer.to_principal,
            entry.user_id_prefix,
            reserved=tuple(prefixes - {entry.user_id_prefix}),
        )
        made[entry.name] = container_class(
            settings=entry.settings,
            issuer=replace(issuer, to_principal=to_principal),
            clock=clock,
            **parts,
        )
    return made


def auth_containers(
    settings: AuthSettings,
    clock: Clock,
    tracer: Callable[[], Any],
    revocation_check: Callable[[], Any],
) -> Mapping[str, Any]:
    """Make the `AuthContainer` of each issuer; see `make_containers`.

    Args:
        settings: The settings of the server.
        clock: Returns the time in seconds since the epoch.
        tracer: Returns the tracer, or None.
        revocation_check: Returns the check of revoked tokens, or None.

    Returns:
        The containers; empty with a single issuer.
    """
    if settings.auth_trusted_issuers is None:
        return {}
    from backend.container.authentication import AuthContainer  # noqa: PLC0415 - imports this

    return make_containers(
        AuthContainer, settings, clock, tracer=tracer(), revocation_check=revocation_check()
    )


def describe_issuer(
    settings: AuthSettings, clock: Clock, issuer_containers: Mapping[str, Any]
) -> Issuer:
    """Describe the issuer, or the common facts of several issuers, which have no common keys.

    Args:
        settings: The settings of the server.
        clock: Returns the time in seconds since the epoch.
        issuer_containers: The containers of several issuers; empty with a single issuer.
    """
    if not issuer_containers:
        return choose_issuer(settings, clock)
    described: list[Issuer] = [container.issuer() for container in issuer_containers.values()]
    resources = [issuer.resource for issuer in described if issuer.resource is not None]
    resource = None
    if resources:  # all issuers have the same URL
        servers = frozenset[str]().union(*(resource.issuers for resource in resources))
        resource = ProtectedResource(identifier=resources[0].identifier, issuers=servers)
    return Issuer(
        keys_url=None,
        issuers=frozenset[str]().union(*map(accepted_by, described)),
        audiences=frozenset(),
        origins=frozenset(),
        to_principal=_refuse,
        resource=resource,
    )


def _refuse(_claims: Claims, _expires_at: float) -> NoReturn:
    raise RuntimeError("Only the container of an issuer maps claims.")


def accepted_by(issuer: Issuer) -> frozenset[str]:
    """Return every value of `iss` that an issuer's tokens may have, of each type of token."""
    return issuer.issuers | (issuer.resource.issuers if issuer.resource else frozenset())


def choose_verifier(
    verifier: Callable[[], TokenVerifier],
    settings: AuthSettings,
    issuer_containers: Mapping[str, Any],
) -> TokenVerifier:
    """Return the verifier of a single issuer, or a verifier that chooses between several issuers.

    Args:
        verifier: Returns the verifier of a single issuer.
        settings: The settings of the server.
        issuer_containers: The containers of several issuers; empty with a single issuer.

    Raises:
        ValueError: Two issuers accept the same `iss`.
    """
    if not issuer_containers:
        return verifier()
    verifiers: dict[str, TokenVerifier] = {}
    for container in issuer_containers.values():
        for issuer in accepted_by(container.issuer()):
            if issuer in verifiers:
                raise ValueError(f"two trusted issuers accept tokens of {issuer}")
            verifiers[issuer] = container.token_verifier()
    return IssuerTokenVerifier(verifiers, max_length=settings.auth_token_max_bytes)
