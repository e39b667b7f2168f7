"""`explain` and `doctor`, beside a real Better Auth server."""

import subprocess
import sys

from tests.e2e.backend import UNMEASURED
from tests.e2e.better_auth import Issuer, User
from tests.e2e.processes import ROOT, environment
from tests.entrypoints.cli.command_line import run


def test_all_is_well_with_better_auths_url_and_nothing_else(
    issuer: Issuer, user: User, database_url: str
) -> None:
    token = user.token()
    configured = {"BETTER_AUTH_URL": f"{issuer.url}/api/auth/", "DATABASE_URL": database_url}
    explained = subprocess.run(
        [sys.executable, "-m", "backend", "explain"],
        cwd=ROOT,
        env=environment({**configured, **UNMEASURED}),
        input=token,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert explained.returncode == 0, explained.stdout + explained.stderr
    assert f'  ok    subject: "{user.id}"' in explained.stdout
    assert token.rpartition(".")[2] not in explained.stdout + explained.stderr
    examined = run("doctor", **configured)
    assert examined.exit_code == 0, examined.output


def test_the_usual_mistakes_are_told_with_what_to_do(
    issuer: Issuer, other_issuer: Issuer, user: User, secret: str, database_url: str
) -> None:
    token, misplaced = user.token(), f"{issuer.url}/auth"
    session = user.browser.cookies["better-auth.session_token"]
    mistakes: list[tuple[str, dict[str, str], str]] = [
        (token, {"BETTER_AUTH_SECRET": secret}, "Set BETTER_AUTH_URL: the secret cannot verify it"),
        (token, {"BETTER_AUTH_URL": other_issuer.url}, "Another Better Auth signed this"),
        (token, {"BETTER_AUTH_URL": misplaced}, "base path, put it into BETTER_AUTH_URL"),
        (session, {"BETTER_AUTH_URL": issuer.url}, "a session token of Better Auth"),
        (issuer.mailed_token(user), {"BETTER_AUTH_SECRET": secret}, "a link that was mailed"),
    ]
    for given, configured, remedy in mistakes:
        explained = run("explain", stdin=given, **configured)
        assert explained.exit_code == 1, explained.output
        assert remedy in explained.stdout
        assert session not in explained.stdout
    examined = run("doctor", BETTER_AUTH_URL=misplaced, DATABASE_URL=database_url)
    assert examined.exit_code == 1
    assert f"set BETTER_AUTH_URL={issuer.url}." in examined.stdout
