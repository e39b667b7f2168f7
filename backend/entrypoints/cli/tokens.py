"""Makes tokens and session cookies for development."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import typer

from backend.container import Container
from backend.container.development import DevelopmentContainer
from backend.entrypoints.cli import development
from backend.entrypoints.cli.env_files import export_variables
from backend.entrypoints.cli.exits import exit_as_misused, exit_if_misconfigured
from backend.settings import Complaint, Settings
from backend.settings.values import CookieCache, Provider

_DURATION: Final = re.compile(r"(-?[0-9]{1,9})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION_MAX: Final = timedelta(days=36_500)  # a token must end before the year 10000

_NO_COOKIES: Final = Complaint(
    "AUTH_COOKIE",
    "off, so the server accepts no session cookies",
    "Set it to compact, jwt or jwe, for this command and for the server.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The user of a token or session cookie.

    Attributes:
        user_id: The id.
        email: The e-mail address, if any.
        verified: Whether the address is verified.
        name: The name, if any.
        roles: The roles.
    """

    user_id: str
    email: str | None
    verified: bool
    name: str | None
    roles: tuple[str, ...]


def token(  # noqa: PLR0913 - the options of the command
    user: User,
    *,
    scopes: Sequence[str],
    claims: Sequence[str],
    expires: str,
    cookie: bool,
    algorithm: str,
    env_file: Path | None,
) -> None:
    """Print a token or a session cookie; exit if the server accepts neither.

    Args:
        user: The user.
        scopes: The scopes of the token.
        claims: Further claims, each as `name=value`.
        expires: The time until it expires, for example `30s` or `-1h`.
        cookie: Whether to make a session cookie.
        algorithm: The algorithm of the token.
        env_file: The file of the option `--env-file`.
    """
    content = {
        "user_id": user.user_id,
        "email": user.email,
        "email_verified": user.verified,
        "name": user.name,
        "roles": user.roles,
        "lifetime": read_duration(expires),
    }
    further = read_claims(claims)
    if cookie and (scopes or algorithm != "HS256"):
        exit_as_misused("A session cookie has neither scopes nor an algorithm to choose.")
    export_variables(env_file, development=True)
    try:
        credential = (
            _cookie(content, further)
            if cookie
            else _token({**content, "algorithm": algorithm}, further, scopes)
        )
    except (TypeError, ValueError) as error:
        exit_as_misused(f"--claim: no token can have this value: {error}.")
    typer.echo(credential)


def read_duration(text: str) -> timedelta:
    """Read a time like `30s`, `5m`, `2h`, `7d` or `-1h`; exit if it is invalid."""
    match = _DURATION.fullmatch(text)
    duration = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
    if not duration or abs(duration) > _DURATION_MAX:
        exit_as_misused("--expires: use a number and a unit: 30s, 5m, 2h, 7d, or -1h for expired.")
    return duration


def read_claims(texts: Iterable[str]) -> dict[str, Any]:
    """Read claims like `plan=pro`; exit if a claim has no name. Other values than JSON are text."""
    claims = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not name or not separator:
            exit_as_misused("--claim: write NAME=VALUE, for example --claim plan=pro.")
        try:
            claims[name] = json.loads(value)
        except (ValueError, RecursionError):
            claims[name] = value
    return claims


def _token(content: dict[str, Any], claims: dict[str, Any], scopes: Sequence[str]) -> str:
    """Return a token."""
    settings, complaints = development.signing_settings()
    exit_if_misconfigured(complaints)
    required = {"iss": settings.auth_issuer[:1], "aud": settings.auth_audience[:1]}
    claims = {name: values[0] for name, values in required.items() if values} | claims
    token: str = DevelopmentContainer.mint_token(
        settings.secrets[0], **content, scope=" ".join(scopes) or None, claims=claims
    )
    return token


def _cookie(content: dict[str, Any], claims: dict[str, Any]) -> str:
    """Return a session cookie in the format of the header `Cookie`: the name and the value."""
    settings, complaints = development.read_settings()
    exit_if_misconfigured(
        [item for item in complaints if not item.concerns("DATABASE_URL")]
        or _cookie_complaints(settings)
    )
    value = DevelopmentContainer.mint_cookie(
        settings.secrets[0], strategy=settings.auth_cookie, **content, claims=claims
    )
    name = Container(settings=settings).cookie_names()[-1]  # without a URL, the plain name
    return f"{name}={value}"


def _cookie_complaints(settings: Settings) -> list[Complaint]:
    if settings.auth_provider is Provider.OIDC:
        return [development.OTHER_PROVIDER]
    if settings.auth_cookie is CookieCache.OFF:
        return [_NO_COOKIES]
    return [] if settings.secrets else [development.NO_SECRET]
