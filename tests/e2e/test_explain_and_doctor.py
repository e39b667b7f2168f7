"""`explain` and `doctor` with a real Better Auth server."""

import subprocess
import sys

from tests.e2e.backend import NO_COVERAGE
from tests.e2e.better_auth import Issuer, User
from tests.e2e.processes import ROOT, environment
from tests.entrypoints.cli.command_line import run


def test_both_report_success_with_the_url_of_better_auth_alone(
    issuer: Issuer, user: User, database_url: str
) -> None:
    token = user.token()
    env = {"BETTER_AUTH_URL": f"{issuer.url}/api/auth/", "DATABASE_URL": database_url}
    explain = subprocess.run(
        [sys.executable, "-m", "backend", "explain"],
        cwd=ROOT,
        env=environment({**env, **NO_COVERAGE}),
        input=token,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert explain.returncode == 0, explain.stdout + explain.stderr
    assert f'  ok    subject: "{user.id}"' in explain.stdout
    assert token.rpartition(".")[2] not in explain.stdout + explain.stderr
    doctor = run("doctor", **env)
    assert doctor.exit_code == 0, doctor.output


def test_common_mistakes_are_reported_with_a_remedy(
    issuer: Issuer, other_issuer: Issuer, user: User, secret: str, database_url: str
) -> None:
    token, wrong_path = user.token(), f"{issuer.url}/auth"
    session = user.browser.cookies["better-auth.session_token"]
    link_token = issuer.verification_link_token(user)
    mistakes: list[tuple[str, dict[str, str], str]] = [
        (token, {"BETTER_AUTH_SECRET": secret}, "Set BETTER_AUTH_URL: the secret cannot verify it"),
        (token, {"BETTER_AUTH_URL": other_issuer.url}, "Another Better Auth signed this"),
        (token, {"BETTER_AUTH_URL": wrong_path}, "base path, put it into BETTER_AUTH_URL"),
        (session, {"BETTER_AUTH_URL": issuer.url}, "a session token of Better Auth"),
        (link_token, {"BETTER_AUTH_SECRET": secret}, "a link that was mailed"),
    ]
    for stdin, env, remedy in mistakes:
        explain = run("explain", stdin=stdin, **env)
        assert explain.exit_code == 1, explain.output
        assert remedy in explain.stdout
        assert session not in explain.stdout
    doctor = run("doctor", BETTER_AUTH_URL=wrong_path, DATABASE_URL=database_url)
    assert doctor.exit_code == 1
    assert f"set BETTER_AUTH_URL={issuer.url}." in doctor.stdout
