"""A Better Auth server for tests: publishes keys, signs tokens and cookies, fails and recovers."""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from backend.settings.authentication import AuthSettings
from backend.testing.invalid_tokens import InvalidToken, Source, invalid_token
from backend.testing.key_server import JWKS_PATH, KeyServer
from backend.testing.session_cookies import (
    COOKIE_LIFETIME,
    compact_cookie,
    jwe_cookie,
    jwks_cookie,
    jwt_cookie,
    session_data,
)
from backend.testing.signers import Signer, key_set, signer
from backend.testing.tokens import access_token_claims, sign_token, user_claims

SECRET: Final = "a secret that Better Auth and the API share in tests"  # noqa: S105 - for tests
RESOURCE: Final = "https://api.example.com"

Strategy = Literal["compact", "jwt", "jwe", "jwks"]


class Issuer(KeyServer):
    """A Better Auth server on a free port of 127.0.0.1. Use it as a context manager.

    The server signs tokens and cookies, and publishes its keys. A test can let the server rotate
    and withdraw keys, fail, hang and recover.

    Args:
        algorithm: The algorithm of its first key.
        secret: Its `BETTER_AUTH_SECRET`, which signs or encrypts session cookies.
        clock: Returns the time in seconds since the epoch.

    Attributes:
        secret: The secret.
    """

    def __init__(
        self,
        algorithm: str = "EdDSA",
        *,
        secret: str = SECRET,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.secret = secret
        self._clock = clock
        self._signers = [_new_signer(algorithm)]
        super().__init__(key_set(*self._signers))

    @property
    def oauth_issuer(self) -> str:
        """The `iss` of OAuth access tokens."""
        return f"{self.url}/api/auth"

    @property
    def signer(self) -> Signer:
        """The current key, which signs tokens."""
        return self._signers[-1]

    @property
    def fetches(self) -> int:
        """The number of requests for the key set so far."""
        return self.requests.count(JWKS_PATH)

    def settings(self, **values: Any) -> AuthSettings:
        """Return settings of an API that trusts this issuer. The environment does not matter.

        Args:
            **values: Other settings. With `auth_cookie`, the settings contain the secret.
        """
        secret = {"better_auth_secret": self.secret} if "auth_cookie" in values else {}
        return AuthSettings(**{"better_auth_url": self.url, **secret, **values})

    def environment(self, **variables: str) -> dict[str, str]:
        """Return environment variables of an API that trusts this issuer.

        Args:
            **variables: Other variables. With `AUTH_COOKIE`, the result contains the secret.
        """
        secret = {"BETTER_AUTH_SECRET": self.secret} if "AUTH_COOKIE" in variables else {}
        return {"BETTER_AUTH_URL": self.url, **secret, **variables}

    def token(self, **claims: Any) -> str:
        """Sign a token like Better Auth's `/token`. The token is valid for 15 minutes.

        Args:
            **claims: Claims that differ, for example `sub="ada"` or `role="admin"`. The name and
                the e-mail address are derived from `sub`. A claim with the value `ABSENT` is left
                out.
        """
        claims = {"iss": self.url, "aud": self.url, **claims}
        return sign_token(self.signer, user_claims(now=self._clock(), **claims))

    def access_token(self, scope: str, **claims: Any) -> str:
        """Sign an OAuth access token for a resource, like Better Auth's OAuth provider.

        The API needs the setting `auth_resource=RESOURCE`. With `sub="client-1"`, the client got
        the token for itself.

        Args:
            scope: The granted scopes, separated by spaces.
            **claims: Claims that differ, for example `sub="ada"`.
        """
        claims = {"iss": self.oauth_issuer, "aud": RESOURCE, **claims}
        valid = access_token_claims(scope, now=self._clock(), **claims)
        return sign_token(self.signer, valid, header={"typ": "at+jwt"})

    def invalid_token(self, kind: InvalidToken) -> str:
        """Make a token that the API must refuse."""
        now = int(self._clock())
        source = Source(signer=self.signer, origin=self.url, secret=self.secret, now=now)
        return invalid_token(kind, source)

    def session_cookie(
        self,
        strategy: Strategy = "compact",
        *,
        user: Mapping[str, Any] | None = None,
        session: Mapping[str, Any] | None = None,
    ) -> str:
        """Make the value of a session cookie, which is valid for five minutes.

        Args:
            strategy: The `AUTH_COOKIE` of the API; "jwks" is the strategy "jwt", signed with a
                published key.
            user: Columns of the user that differ, for example `{"id": "ada"}`.
            session: Members of the session that differ.
        """
        now, secret = self._clock(), self.secret.encode()
        data, end = session_data(now=now, user=user, session=session), int(now) + COOKIE_LIFETIME
        match strategy:
            case "compact":
                return compact_cookie(data, end=end, secret=secret)
            case "jwt":
                return jwt_cookie(data, start=now, end=end, secret=secret)
            case "jwe":
                return jwe_cookie(data, start=now, end=end, secret=secret)
            case "jwks":
                return jwks_cookie(data, start=now, end=end, origin=self.url, signer=self.signer)

    def rotate(self, algorithm: str | None = None) -> None:
        """Sign with a new key, and keep the old keys published.

        Args:
            algorithm: The algorithm of the new key; that of the current key by default.
        """
        self._signers.append(_new_signer(algorithm or self.signer.algorithm))
        self.document = key_set(*self._signers)

    def withdraw(self) -> None:
        """Publish the current key only. An API forgets other keys at its next fetch."""
        del self._signers[:-1]
        self.document = key_set(*self._signers)


def _new_signer(algorithm: str) -> Signer:
    return signer(algorithm, uuid.uuid4().hex)
