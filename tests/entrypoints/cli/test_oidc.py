"""The commands with an OpenID Connect issuer: `doctor`, `explain`, `config`, `token` and `dev`."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from backend.adapters.auth.oidc.discovery import WELL_KNOWN
from backend.entrypoints.cli import development, secret_file
from backend.testing.key_server import KeyServer
from backend.testing.signers import key_set, signer
from backend.testing.tokens import sign_token
from tests.entrypoints.cli.command_line import assert_misconfigured, run

VALID = {
    "AUTH_PROVIDER": "oidc",
    "OIDC_ISSUER": "https://id.example.com",
    "AUTH_AUDIENCE": "todo-api",
}


class Provider(KeyServer):
    """An OpenID Connect issuer on loopback, whose keys are at `/keys`."""

    def __init__(self) -> None:
        super().__init__(key_set(signer("RS256")), path="/keys")

    @property
    def metadata(self) -> bytes:
        return json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/keys"}).encode()

    def _reply_to(self, path: str) -> Any:
        reply = super()._reply_to(self._path if path == WELL_KNOWN else path)
        if path == WELL_KNOWN and reply is not None and reply.status == 200:
            return type(reply)(body=self.metadata)
        return reply


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


def variables_of(provider: Provider) -> dict[str, str]:
    return {**VALID, "OIDC_ISSUER": provider.url}


def test_doctor_finds_no_problem(provider: Provider) -> None:
    variables = variables_of(provider)
    assert run("migrate", **variables).exit_code == 0
    result = run("doctor", **variables)
    assert result.exit_code == 0, result.output
    metadata = f"{provider.url}{WELL_KNOWN} names the key set {provider.url}/keys"
    assert f"  ok    metadata: {metadata}\n" in result.stdout
    assert f"  ok    keys: 1 usable at {provider.url}/keys (RS256)" in result.stdout
    assert f'the issuer "{provider.url}" and the audience "todo-api"\n' in result.stdout
    assert "Better Auth" not in result.output
    assert "BETTER_AUTH" not in result.output


def test_doctor_explains_an_outage(provider: Provider) -> None:
    provider.fail(503)
    result = run("doctor", **variables_of(provider))
    assert result.exit_code == 1
    assert f"HTTP 503, from {provider.url}{WELL_KNOWN}" in result.stdout
    assert "Better Auth" not in result.output


def test_explain_accepts_a_token_and_explains_another(provider: Provider) -> None:
    claims = {"iss": provider.url, "aud": "todo-api", "sub": "ada", "exp": int(time.time()) + 60}
    token = sign_token(signer("RS256"), claims)
    result = run("explain", stdin=token, **variables_of(provider))
    assert result.exit_code == 0, result.output
    assert f"from the key set that {provider.url}{WELL_KNOWN} names; " in result.stdout
    other = sign_token(signer("RS256"), {**claims, "aud": "other"})
    result = run("explain", stdin=other, **variables_of(provider))
    assert result.exit_code == 1
    assert "add its audience to AUTH_AUDIENCE" in " ".join(result.stdout.split())
    machine = sign_token(signer("RS256"), {**claims, "gty": "client-credentials"})
    assert (
        "set AUTH_MACHINE_TOKENS=on"
        in run("explain", stdin=machine, **variables_of(provider)).stdout
    )
    assert "Better Auth" not in result.output


def test_config_shows_the_provider() -> None:
    result = run("config", "--json", **VALID)
    assert result.exit_code == 0
    settings = json.loads(result.stdout)["settings"]
    assert {name: settings[name]["value"] for name in VALID} == VALID
    assert settings["OIDC_CLAIM_USER_ID"]["value"] == "sub"


@pytest.mark.parametrize("options", [[], ["--cookie"]])
def test_token_refuses_because_the_issuer_makes_the_tokens(options: list[str]) -> None:
    result = run("token", *options, **VALID)
    assert_misconfigured(result, "AUTH_PROVIDER")
    assert "an OpenID Connect issuer issues the tokens" in result.stderr
    assert "Better Auth" not in result.output


def test_a_misconfigured_server_names_every_variable() -> None:
    assert run("migrate", **VALID).exit_code == 0
    result = run("serve", AUTH_PROVIDER="oidc", BETTER_AUTH_URL="https://app.example.com")
    assert_misconfigured(result, "BETTER_AUTH_URL", "AUTH_AUDIENCE", "OIDC_ISSUER")


@pytest.mark.usefixtures("monkeypatch")
def test_a_folder_with_a_development_secret_does_not_use_the_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret_file.keep_secret(secret_file.make_secret())
    for name, value in VALID.items():
        monkeypatch.setenv(name, value)
    settings, complaints = development.read_settings()
    assert (settings.secrets, complaints) == ((), [])
    assert not development.is_configured_here()
