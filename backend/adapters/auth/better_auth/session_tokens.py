"""Verifies the session tokens of Better Auth's plugin `bearer`, by asking Better Auth.

Such a token is a text and its signature. Only Better Auth knows whether the session still exists,
and whose it is. But the signature is verified here, before Better Auth is asked. So no client can
make this server ask about texts that Better Auth never signed.
"""

import hmac
import math
import re
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Final

from backend.adapters.auth.better_auth.answers import SessionAnswers
from backend.adapters.auth.better_auth.sessions import (
    Row,
    check_user,
    read_row,
    session_claims,
    session_expiry,
)
from backend.adapters.auth.better_auth.tokens import iso_time, to_principal
from backend.adapters.auth.claims import ToPrincipal
from backend.adapters.auth.jose.jws import load_object
from backend.domain.auth import (
    AuthError,
    ExpiredTokenError,
    InactiveTokenError,
    InvalidSignatureError,
    MalformedTokenError,
    Principal,
    VerifierUnavailableError,
)

# Better Auth generates 32 letters and digits. Every character is safe in a header (RFC 6750, 2.1).
_TOKEN: Final = re.compile(r"([\w~+/-]{1,256})\.([A-Za-z0-9+/]{43}=)", re.ASCII)
_NO_SESSION: Final = b"null"


class SessionTokenVerifier:
    """Turns a session token into the principal of the user of the session.

    Args:
        fetch: Asks Better Auth's `get-session` with a token. Returns the body of the answer or
            raises `FetchError`.
        secret: The bytes of Better Auth's current secret.
        answers: The cache of Better Auth's answers.
        leeway: The tolerated clock skew in seconds.
        max_lifetime: Seconds after its sign-in for which a session is accepted at most; None for
            as long as Better Auth accepts it.
        to_principal: Maps claims to a principal, as for session cookies.
        clock: Returns the time in seconds since the epoch.
    """

    def __init__(  # noqa: PLR0913 - the settings, and what a test replaces
        self,
        fetch: Callable[[str], Awaitable[bytes]],
        *,
        secret: bytes,
        answers: SessionAnswers,
        leeway: float = 10.0,
        max_lifetime: float | None = None,
        to_principal: ToPrincipal = to_principal,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._fetch = fetch
        self._secret = secret
        self._answers = answers
        self._leeway = leeway
        self._max_lifetime = max_lifetime
        self._to_principal = to_principal
        self._clock = clock

    async def verify(self, token: str, /) -> Principal:
        """Verify a session token.

        Args:
            token: The value of Better Auth's header `set-auth-token`. Untrusted.

        Raises:
            AuthError: The token is not valid, or its session has ended.
            VerifierUnavailableError: Better Auth cannot be asked now.
        """
        text, signature = check_signature(token, self._secret)
        # The signature is a keyed hash of the text, so the text itself is not kept in memory.
        return await self._answers.get(signature, lambda: self._ask(token, text))

    async def _ask(self, token: str, text: str) -> Principal:
        session, user = _read_answer(await self._fetch(token), text)
        check_user(session, user)
        issued_at = iso_time(session.get("createdAt"))
        expires_at = session_expiry(session)
        if self._max_lifetime is not None and issued_at is not None:
            expires_at = min(expires_at, math.floor(issued_at + self._max_lifetime))
        if expires_at <= self._clock() - self._leeway:
            raise ExpiredTokenError("the session has expired")
        return self._to_principal(session_claims(session, user, issued_at=issued_at), expires_at)


def check_signature(token: str, secret: bytes) -> tuple[str, bytes]:
    """Check that a secret signed a session token, and return its text and its signature.

    Args:
        token: The token. Untrusted.
        secret: The bytes of the secret.

    Raises:
        MalformedTokenError: The token does not have the form of a session token.
        InvalidSignatureError: The secret did not sign it.
    """
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise MalformedTokenError(
            "neither a JWT nor a signed session token: send the value of the header set-auth-token,"
            " not the member `token` of the response"
        )
    text, signature = match[1], match[2].encode()
    if not hmac.compare_digest(b64encode(hmac.digest(secret, text.encode(), "sha256")), signature):
        raise InvalidSignatureError("the secret did not sign the session token")
    return text, signature


def _read_answer(document: bytes, text: str) -> tuple[Row, Row]:
    """Return the session and the user in the answer to a token.

    Raises:
        InactiveTokenError: There is no such session.
        VerifierUnavailableError: The answer is not about the session of this token.
    """
    if document.strip() == _NO_SESSION:
        raise InactiveTokenError("Better Auth has no such session: it has ended or expired")
    try:
        content = load_object(document, lone_surrogates=True)
        session, user = read_row(content, "session"), read_row(content, "user")
        session_expiry(session)
    except AuthError as error:
        raise _malformed(str(error)) from None
    answered = session.get("token")
    if not isinstance(answered, str) or not hmac.compare_digest(
        answered.encode(errors="replace"), text.encode()
    ):
        raise _malformed("it is about another session")
    return session, user


def _malformed(problem: str) -> VerifierUnavailableError:
    return VerifierUnavailableError(
        f"the answer of Better Auth's get-session is not usable: {problem}"
    )
