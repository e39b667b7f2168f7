"""Tokens that an API must refuse with 401. Each token has another fault."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from backend.testing.encoding import ABSENT, b64, drop_absent, to_json
from backend.testing.session_cookies import jwks_cookie, session_data
from backend.testing.signers import Signer, secret_signer, signer
from backend.testing.tokens import email_link_token, sign_token, user_claims

OTHER_ORIGIN: Final = "https://other.example.com"

_HOUR: Final = 3600  # seconds


class InvalidToken(StrEnum):
    """The kinds of invalid tokens, for `issuer.invalid_token(kind)`."""

    EXPIRED = "expired"
    IMMATURE = "immature"
    WRONG_ISSUER = "wrong issuer"
    WRONG_AUDIENCE = "wrong audience"
    WRONG_KEY = "signed with another key"
    UNKNOWN_KEY = "signed with a key that is not published"
    CHANGED = "changed after it was signed"
    UNSIGNED = "unsigned, with the algorithm none"
    CONFUSED = "signed with HS256 and the public key"
    NO_USER = "without sub"
    NO_EXPIRY = "without exp"
    BANNED = "of a banned user"
    SENDER_CONSTRAINED = "bound to a key of the client"
    LOGOUT = "a logout token"
    EMAIL_LINK = "from the link of an e-mail"
    SESSION_COOKIE = "a session cookie"
    OPAQUE = "not a JWT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The issuer whose tokens are made invalid.

    Attributes:
        signer: The issuer's current key.
        origin: The issuer's origin.
        secret: The secret of Better Auth.
        now: The time in seconds since the epoch.
    """

    signer: Signer
    origin: str
    secret: str
    now: int

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a valid token, with some changed."""
        claims = user_claims(now=self.now, iss=self.origin, aud=self.origin)
        return drop_absent({**claims, **changes})

    def sign(self, **changes: Any) -> str:
        """Sign a valid token, with some claims changed."""
        return sign_token(self.signer, self.claims(**changes))


def invalid_token(kind: InvalidToken, source: Source) -> str:
    """Make a token that an API must refuse.

    Args:
        kind: Why the token is invalid.
        source: The issuer.
    """
    return _MAKERS[kind](source)


def _wrong_key(source: Source) -> str:
    other = signer(source.signer.algorithm, f"not {source.signer.kid}")
    return sign_token(other, source.claims(), header={"kid": source.signer.kid})


def _unknown_key(source: Source) -> str:
    return sign_token(signer(source.signer.algorithm, f"not {source.signer.kid}"), source.claims())


def _changed(source: Source) -> str:
    header, _, signature = source.sign().split(".")
    return f"{header}.{b64(to_json(source.claims(sub='admin')))}.{signature}"


def _unsigned(source: Source) -> str:
    return sign_token(source.signer, source.claims(), header={"alg": "none"}, signature=b"")


def _confused(source: Source) -> str:
    public_key = to_json(source.signer.jwk())
    header = {"kid": source.signer.kid}
    return sign_token(secret_signer(public_key), source.claims(), header=header)


def _logout(source: Source) -> str:
    event = "http://schemas.openid.net/event/backchannel-logout"
    claims = source.claims(events={event: {}}, sid="session-1")
    return sign_token(source.signer, claims, header={"typ": "logout+jwt"})


def _session_cookie(source: Source) -> str:
    return jwks_cookie(
        session_data(now=source.now),
        start=source.now,
        end=source.now + _HOUR,
        origin=source.origin,
        signer=source.signer,
    )


_MAKERS: Final[Mapping[InvalidToken, Callable[[Source], str]]] = {
    InvalidToken.EXPIRED: lambda source: source.sign(
        iat=source.now - 2 * _HOUR, exp=source.now - _HOUR
    ),
    InvalidToken.IMMATURE: lambda source: source.sign(
        nbf=source.now + _HOUR, exp=source.now + 2 * _HOUR
    ),
    InvalidToken.WRONG_ISSUER: lambda source: source.sign(iss=OTHER_ORIGIN),
    InvalidToken.WRONG_AUDIENCE: lambda source: source.sign(aud=OTHER_ORIGIN),
    InvalidToken.WRONG_KEY: _wrong_key,
    InvalidToken.UNKNOWN_KEY: _unknown_key,
    InvalidToken.CHANGED: _changed,
    InvalidToken.UNSIGNED: _unsigned,
    InvalidToken.CONFUSED: _confused,
    InvalidToken.NO_USER: lambda source: source.sign(sub=ABSENT),
    InvalidToken.NO_EXPIRY: lambda source: source.sign(exp=ABSENT),
    InvalidToken.BANNED: lambda source: source.sign(banned=True),
    InvalidToken.SENDER_CONSTRAINED: lambda source: source.sign(cnf={"jkt": b64(bytes(32))}),
    InvalidToken.LOGOUT: _logout,
    InvalidToken.EMAIL_LINK: lambda source: email_link_token(source.secret),
    InvalidToken.SESSION_COOKIE: _session_cookie,
    InvalidToken.OPAQUE: lambda _: "AKS0ce5SL820JKrTr9k8Ztvl5CXglAXf",
}
