"""The parts of a container that the guard uses."""

import functools
from collections.abc import Callable

from backend.container.authentication import AuthContainer
from backend.entrypoints.http.auth.credentials import Authenticator
from backend.entrypoints.http.auth.resource_metadata import ResourceMetadata
from backend.entrypoints.http.auth.session_cookies import SessionCookies


class AuthParts:
    """The parts that authenticate connections. Each part is made at its first use.

    Args:
        container: Provides the settings and the verifiers.

    Attributes:
        container: The container.
    """

    def __init__(self, container: AuthContainer) -> None:
        self.container = container

    @functools.cached_property
    def authenticator(self) -> Authenticator:
        """Turns the credentials of a connection into its principal."""
        metadata = self.resource_metadata
        return Authenticator(
            token_verifier=self.container.token_verifier(),
            session_cookies=self.session_cookies,
            resource_metadata=metadata.url if metadata else None,
        )

    @functools.cached_property
    def resource_metadata(self) -> ResourceMetadata | None:
        """Describes the app as an OAuth protected resource; None without `AUTH_RESOURCE`."""
        resource = self.container.issuer().resource
        if resource is None:
            return None
        return ResourceMetadata(resource=resource.identifier, issuers=resource.issuers)

    @functools.cached_property
    def session_cookies(self) -> SessionCookies | None:
        """Reads session cookies; None if they are not accepted."""
        verifier = self.container.session_verifier()
        if verifier is None:
            return None
        names, origins = self.container.cookie_names(), self.container.web_origins()
        return SessionCookies(names=names, verifier=verifier, origins=origins)

    @functools.cached_property
    def clock(self) -> Callable[[], float]:
        """The clock that ends WebSockets: returns the time in seconds since the epoch."""
        clock: Callable[[], float] = self.container.clock()
        return clock

    @functools.cached_property
    def leeway(self) -> float:
        """The time in seconds that a WebSocket stays open after its credential has expired."""
        return float(self.container.settings().auth_leeway)
