"""The commands with several issuers: `doctor`, `explain`, `config`, `token` and `serve`."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.entrypoints.cli import development_app
from backend.entrypoints.http.pages.start_page import StartPage
from backend.testing import RESOURCE, Issuer
from tests.entrypoints.cli.command_line import HIDDEN, assert_misconfigured, run

LIST = "AUTH_TRUSTED_ISSUERS"


@pytest.fixture(scope="module")
def acme() -> Iterator[Issuer]:
    with Issuer() as server:
        yield server


@pytest.fixture(scope="module")
def globex() -> Iterator[Issuer]:
    with Issuer("ES256") as server:
        yield server


@pytest.fixture
def variables(acme: Issuer, globex: Issuer) -> dict[str, str]:
    return {
        LIST: json.dumps(
            [
                {
                    "name": "acme",
                    "user_id_prefix": "acme:",
                    "BETTER_AUTH_URL": acme.url,
                    "BETTER_AUTH_SECRET": f"{HIDDEN}, and is long enough for a secret",
                },
                {"name": "globex", "user_id_prefix": "", "BETTER_AUTH_URL": globex.url},
            ]
        )
    }


def explained(token: str, variables: dict[str, str]) -> dict[str, Any]:
    result = run("explain", "--json", stdin=token, **variables)
    assert HIDDEN not in result.output
    report: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (0 if report["accepted"] else 1)
    return report


def checks_of(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["check"]: check for check in report["checks"]}


def test_doctor_checks_the_key_set_of_each_issuer(
    acme: Issuer, globex: Issuer, variables: dict[str, str]
) -> None:
    assert run("migrate", **variables).exit_code == 0
    result = run("doctor", **variables)
    assert result.exit_code == 0, result.output
    assert f"  ok    acme: keys: 1 usable at {acme.url}/api/auth/jwks (EdDSA" in result.stdout
    assert f"  ok    globex: keys: 1 usable at {globex.url}/api/auth/jwks (ES256)" in result.stdout
    assert "  ok    globex: clock: " in result.stdout
    assert HIDDEN not in result.output
    globex.fail(503)
    try:
        result = run("doctor", **variables)
    finally:
        globex.recover()
    assert result.exit_code == 1
    assert "  FAIL  globex: keys: HTTP 503" in result.stdout
    assert "  ok    acme: keys: " in result.stdout
    assert "1 problem found." in result.stdout


def test_doctor_reports_an_invalid_list(variables: dict[str, str]) -> None:
    assert run("migrate", **variables).exit_code == 0
    broken = {LIST: variables[LIST].replace('"globex"', '"acme"')}
    result = run("doctor", "--json", **broken)
    assert result.exit_code == 1
    checks = json.loads(result.stdout)["checks"]
    assert [check["result"] for check in checks[:2]] == ["failed", "not checked"]
    assert "two entries have this name" in checks[0]["problem"]
    beside = run("doctor", **variables, BETTER_AUTH_URL="https://app.example.com")
    assert "Move it into the entries" in " ".join(beside.stdout.split())
    assert HIDDEN not in result.output + beside.output


def test_explain_uses_the_rules_of_the_issuer(
    acme: Issuer, globex: Issuer, variables: dict[str, str]
) -> None:
    prefix = "; the ids of its users start with acme:"
    for issuer, name, more in ((acme, "acme", prefix), (globex, "globex", "")):
        report = explained(issuer.token(sub="ada"), variables)
        assert report["accepted"]
        checks = checks_of(report)
        assert next(iter(checks)) == "trusted issuer"
        assert checks["trusted issuer"]["found"] == f"{name}, an entry of {LIST}{more}"
        assert f"{issuer.url}/api/auth/jwks" in checks["key set"]["found"]
    report = explained(acme.token(aud="other"), variables)
    assert (report["accepted"], report["reason"]) == (False, "invalid_audience")
    assert checks_of(report)["trusted issuer"]["result"] == "ok"
    assert acme.url in checks_of(report)["audience"]["expected"]


def test_explain_says_why_a_token_is_from_no_trusted_issuer(
    acme: Issuer, globex: Issuer, variables: dict[str, str]
) -> None:
    fetches = acme.fetches + globex.fetches
    for claims, remedy in (
        ({"iss": "https://unknown.example.com"}, "add an entry for it"),
        ({"iss": f"{globex.url}/"}, "differs from that of the entry globex by a slash"),
        ({"iss": globex.url.upper()}, "differs from that of the entry globex by a slash"),
        ({"iss": f"{acme.url}/api/auth"}, "set AUTH_RESOURCE in the entry acme"),
        ({"iss": 1}, "The claim iss chooses an entry"),
    ):
        report = explained(acme.token(**claims), variables)
        assert (report["status"], report["reason"]) == (401, "invalid_issuer")
        check = checks_of(report)["trusted issuer"]
        assert check["result"] == "failed"
        assert remedy in check["remedy"]
        assert acme.url in check["expected"]
        assert report["claims"]["iss"] == claims["iss"]
    report = explained(acme.token(iss=None), variables)
    assert report["reason"] == "missing_claim"
    assert acme.fetches + globex.fetches == fetches


@pytest.mark.parametrize("text", ["no token", "a.b.c", "e30.e30"])
def test_explain_refuses_other_texts_as_with_one_issuer(
    variables: dict[str, str], text: str
) -> None:
    report = explained(text, variables)
    assert report["reason"] == "malformed_token"
    assert checks_of(report)["format"]["result"] == "failed"


def test_explain_knows_access_tokens_of_an_entry(acme: Issuer) -> None:
    entry = {"name": "acme", "user_id_prefix": "", "BETTER_AUTH_URL": acme.url}
    variables = {LIST: json.dumps([{**entry, "AUTH_RESOURCE": RESOURCE}])}
    assert explained(acme.access_token("todos:read"), variables)["accepted"]


def test_explain_knows_revoked_users_by_their_prefix(
    acme: Issuer, globex: Issuer, variables: dict[str, str]
) -> None:
    variables |= {"AUTH_REVOCATION": "database", "AUTH_MAX_LIFETIME": "900"}
    assert run("migrate", **variables).exit_code == 0
    assert run("revoke", "acme:ada", **variables).exit_code == 0
    report = explained(acme.token(sub="ada"), variables)
    assert (report["accepted"], report["reason"]) == (False, "revoked_token")
    assert explained(globex.token(sub="ada"), variables)["accepted"]
    assert run("revoke", "ada", **variables).exit_code == 0
    assert explained(globex.token(sub="ada"), variables)["reason"] == "revoked_token"


def test_config_shows_no_secret_of_the_list(variables: dict[str, str]) -> None:
    for options in ([], ["--json"]):
        result = run("config", *options, **variables)
        assert result.exit_code == 0
        assert HIDDEN not in result.output
        assert LIST in result.stdout


def test_token_refuses_because_the_issuers_make_the_tokens(variables: dict[str, str]) -> None:
    assert_misconfigured(run("token", **variables), LIST)
    assert_misconfigured(run("token", "--cookie", **variables), "AUTH_COOKIE")


@pytest.mark.parametrize("command", ["serve", "dev", "mcp"])
def test_servers_name_every_problem_of_the_list(folder: Path, command: str) -> None:
    assert run("migrate").exit_code == 0
    file = folder / "issuers.json"
    file.write_text(json.dumps([{"name": "acme", "BETTER_AUTH_URL": HIDDEN}, {"name": "b"}]))
    result = run(command, AUTH_TRUSTED_ISSUERS_FILE=str(file), AUTH_AUDIENCE="todo-api")
    assert_misconfigured(result, "AUTH_AUDIENCE", *["AUTH_TRUSTED_ISSUERS_FILE"] * 4)
    assert HIDDEN not in result.output


def test_the_start_page_names_the_list(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    class Stop(Exception):  # noqa: N818 - it is no error
        pass

    def create_app(_: object, *, start_page: Any) -> None:
        page = start_page.__self__
        assert page == StartPage(command=page.command, issuer=f"every issuer in {LIST}")
        raise Stop

    monkeypatch.setenv(LIST, variables[LIST])
    monkeypatch.setattr(development_app, "create_app", create_app)
    with socket.socket() as listener, pytest.raises(Stop):
        development_app.prepare(listener, None)
