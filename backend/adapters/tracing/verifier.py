"""Spans of verifications. No token, no claim and no id of a user becomes an attribute."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import Span, StatusCode, Tracer
from opentelemetry.util.types import AnyValue

from backend.adapters.auth.jose.jwk import HMAC_ALGORITHMS
from backend.adapters.auth.jose.jws import decode_object
from backend.domain.auth import (
    AuthError,
    MalformedTokenError,
    Principal,
    TokenVerifier,
    VerifierUnavailableError,
)
from backend.domain.diagnosis import KeySetState

NAME: Final = "verify token"

_REMEMBERED: Final = "auth.remembered"


class TracedTokenVerifier:
    """Records a span for each verification inside of a traced request.

    Args:
        verifier: Verifies the tokens, from a cache if possible.
        tracer: Makes the spans.
        credential: The kind of credential: `bearer`, `cookie` or `session_token`.
        key_set_state: Returns the state of the key set; None if there is no key set.
        max_age: Seconds after which keys are stale.

    Attributes:
        verifier: The verifier of the arguments; metrics read the state of its cache.
    """

    def __init__(
        self,
        verifier: TokenVerifier,
        tracer: Tracer,
        *,
        credential: str,
        key_set_state: Callable[[], KeySetState] | None,
        max_age: float,
    ) -> None:
        self.verifier: Final = verifier
        self._tracer = tracer
        self._credential = credential
        self._key_set_state = key_set_state
        self._max_age = max_age

    async def verify(self, token: str, /) -> Principal:
        """Verify a token.

        Args:
            token: The credential. Untrusted.

        Raises:
            AuthError: The token is not valid.
            VerifierUnavailableError: The verifier cannot decide now.
        """
        if not trace.get_current_span().is_recording():
            return await self.verifier.verify(token)
        attributes: Mapping[str, AnyValue] = {
            "auth.credential": self._credential,
            _REMEMBERED: True,
        }
        with self._tracer.start_as_current_span(
            NAME, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                principal = await self.verifier.verify(token)
            except AuthError as error:
                span.set_attributes({"auth.outcome": "invalid", "auth.reason": error.reason})
                raise
            except VerifierUnavailableError as error:
                span.set_attributes(
                    {"auth.outcome": "unavailable", "error.type": type(error).__qualname__}
                )
                span.set_status(StatusCode.ERROR)
                raise
            span.set_attribute("auth.outcome", "valid")
            if self._credential == "bearer":
                self._describe_key(span, token)
            return principal

    def _describe_key(self, span: Span, token: str) -> None:
        """Record the algorithm and the key. The token is valid, so its header is authentic."""
        header = _read_header(token.partition(".")[0])
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str):
            return
        span.set_attribute("auth.algorithm", algorithm)
        if isinstance(kid, str):
            span.set_attribute("auth.key_id", kid)
        span.set_attribute("auth.key_source", self._key_source(algorithm))

    def _key_source(self, algorithm: str) -> str:
        if algorithm in HMAC_ALGORITHMS or self._key_set_state is None:
            return "secret"
        age = self._key_set_state().age
        return "fresh" if age is not None and age <= self._max_age else "stale"


class CacheMissRecordingTokenVerifier:
    """Verifies the tokens that a cache does not have, and records that on the current span.

    Args:
        verifier: Verifies the tokens. The cache is in front of this class.
    """

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def verify(self, token: str, /) -> Principal:
        """Verify a token; see `TokenVerifier`."""
        record_miss()
        return await self._verifier.verify(token)


def record_miss() -> None:
    """Record on the current span that no cache had the token."""
    trace.get_current_span().set_attribute(_REMEMBERED, False)


def _read_header(segment: str) -> dict[str, Any]:
    """Return the header of a valid token; empty if a verifier of an app accepts other tokens."""
    try:
        return decode_object(segment.encode())
    except MalformedTokenError:
        return {}
