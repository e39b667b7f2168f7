"""Development mode: its settings, its user and tokens, and the welcome text of `dev`."""

from pathlib import Path
from typing import Final, TypedDict

from backend.container.development import DevelopmentContainer
from backend.entrypoints.cli.secret_file import SECRET_FILE, read_secret
from backend.settings import Complaint, Settings
from backend.settings.values import Provider


class User(TypedDict):
    """The user of the token that `dev` prints."""

    user_id: str
    email: str
    name: str


USER: Final[User] = {"user_id": "dev", "email": "dev@example.com", "name": "Developer"}
SCOPES: Final = ("todos:read", "todos:write")
NOTE: Final = (
    "Nothing is configured, so this command checks the development server of this folder"
    f" ({SECRET_FILE}).\n`serve` would refuse to start: it needs BETTER_AUTH_URL or"
    " BETTER_AUTH_SECRET.\n"
)
NOT_SERVED: Final = "Nothing is configured for `serve`: set BETTER_AUTH_URL or BETTER_AUTH_SECRET."
NO_SECRET: Final = Complaint(
    "BETTER_AUTH_SECRET",
    "not set, and this folder has no secret of a development server",
    "Start a server with `make run`, then try again.",
)

OTHER_PROVIDER: Final = Complaint(
    "AUTH_PROVIDER",
    "an OpenID Connect issuer issues the tokens, so this command cannot make a token",
    "Sign in there with a client of the issuer, and use its access token.",
)
_SEVERAL_ISSUERS: Final = Complaint(
    "AUTH_TRUSTED_ISSUERS",
    "other servers issue the tokens, so this command cannot make a token",
    "Sign in to one of the issuers, and fetch a token there.",
)
_OTHER_ISSUER: Final = Complaint(
    "BETTER_AUTH_URL",
    "Better Auth issues the tokens, so this command cannot make a token",
    "Sign in to Better Auth, and fetch a token from /api/auth/token.",
)


def is_configured_here() -> bool:
    """Return whether this folder keeps a secret, and no issuer is configured."""
    return not Settings.names_an_issuer() and read_secret() is not None


def read_settings(**options: str) -> tuple[Settings, list[Complaint]]:
    """Read the settings, with the secret of this folder if no issuer is configured.

    Args:
        **options: Options of the command line, by setting. They replace variables.

    Returns:
        The settings, and what is wrong with them.
    """
    if not is_configured_here():
        return Settings.read(**options)
    return Settings.read(**options, better_auth_secret=read_secret())


def signing_settings() -> tuple[Settings, list[Complaint]]:
    """Read the settings for a development token, which the first secret signs.

    Returns:
        The settings, and the reasons why no token must be signed with them.
    """
    settings, complaints = read_settings()
    if not Settings.names_an_issuer():
        return settings, [] if settings.secrets else [NO_SECRET]
    if settings.auth_trusted_issuers:
        return settings, [_SEVERAL_ISSUERS]
    if settings.auth_provider is Provider.OIDC:
        return settings, [OTHER_PROVIDER]
    if settings.better_auth_url or settings.auth_jwks_url:
        return settings, [_OTHER_ISSUER]
    return settings, complaints


def mint_token(secret: str, settings: Settings) -> str:
    """Return a token of the development user, with all scopes.

    Args:
        secret: The secret that signs the token.
        settings: The settings of the server.
    """
    scope = " ".join(SCOPES) if settings.auth_require_scopes else None
    token: str = DevelopmentContainer.mint_token(secret, **USER, scope=scope)
    return token


def welcome(
    address: str,
    token: str | None,
    *,
    docs: bool,
    reload: bool = False,
    settings_file: Path | None = None,
) -> str:
    """Return the text that `dev` prints at its start.

    Args:
        address: The URL of the server.
        token: A token to try the API with; None if another issuer is configured.
        docs: Whether the server has the page /docs.
        reload: Whether the server restarts when a file changes.
        settings_file: The file that settings were read from, if any.
    """
    documentation = f"  (documentation: {address}/docs)" if docs else ""
    lines = ["", f"  The API is at  {address}{documentation}"]
    if settings_file:
        lines += [f"  Settings come from the environment, and from the file {settings_file}."]
    if reload:
        lines += ["  The server restarts when a file of the program changes."]
    if token is None:
        lines += ["  Get a token from the configured issuer."]
    else:
        lines += [
            f"  This token is valid for 12 hours, also after a restart ({SECRET_FILE}):",
            "",
            token,
            "",
            "  Try it:",
            "",
            f"curl -H 'Authorization: Bearer {token}' {address}/api/todos",
        ]
    return "\n".join([*lines, ""])
