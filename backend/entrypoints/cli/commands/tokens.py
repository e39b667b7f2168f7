"""The command that makes tokens and session cookies for development."""

from enum import StrEnum
from typing import Annotated

import typer

from backend.entrypoints.cli.commands.options import EnvFile


class Algorithm(StrEnum):
    """The algorithms that sign with a secret."""

    HS256 = "HS256"
    HS384 = "HS384"
    HS512 = "HS512"


User = Annotated[str, typer.Option("--user", help="The user's id.")]
Email = Annotated[str | None, typer.Option(help="The user's e-mail address.")]
Verified = Annotated[
    bool, typer.Option("--verified", help="Say that the e-mail address is verified.")
]
Name = Annotated[str | None, typer.Option(help="The user's name.")]
Roles = Annotated[
    list[str] | None, typer.Option("--role", help="A role of the user. Can be repeated.")
]
Scopes = Annotated[
    list[str] | None, typer.Option("--scope", help="A scope of the token. Can be repeated.")
]
Claims = Annotated[
    list[str] | None,
    typer.Option(
        "--claim",
        metavar="NAME=VALUE",
        help="Another claim; the value is JSON, or else text. Can be repeated.",
    ),
]
Expires = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="How long the token is valid: 30s, 5m, 2h or 7d. -1h: it expired an hour ago.",
    ),
]
Expired = Annotated[
    bool,
    typer.Option("--expired", help="The token expired an hour ago, as with --expires -1h."),
]
Cookie = Annotated[
    bool,
    typer.Option("--cookie", help="Make a session cookie in the format of AUTH_COOKIE instead."),
]
Signature = Annotated[
    Algorithm, typer.Option(help="The algorithm of the token. The API accepts HS256 only.")
]


def token(
    *,
    user_id: User = "dev",
    email: Email = None,
    verified: Verified = False,
    name: Name = None,
    role: Roles = None,
    scope: Scopes = None,
    claim: Claims = None,
    expires: Expires = "1h",
    expired: Expired = False,
    cookie: Cookie = False,
    algorithm: Signature = Algorithm.HS256,
    env_file: EnvFile = None,
) -> None:
    """Make a token for the development server. Refuses if tokens come from Better Auth.

    Reads the file .env of this folder as the server does.
    """
    from backend.entrypoints.cli import tokens

    user = tokens.User(
        user_id=user_id, email=email, verified=verified, name=name, roles=tuple(role or ())
    )
    tokens.token(
        user,
        scopes=scope or (),
        claims=claim or (),
        expires="-1h" if expired else expires,
        cookie=cookie,
        algorithm=algorithm,
        env_file=env_file,
    )
