"""Values that are probably not meant cause a warning, not a refusal."""

from pathlib import Path

import pytest

from backend.settings import Settings
from tests.settings.environment import OTHER_SECRET, SECRET, Environment

URL = "https://auth.example.com"


@pytest.mark.parametrize("host", ["x86_64-conda-linux-gnu", "a..b", "no.such.host.invalid"])
def test_a_host_that_another_program_set_is_replaced_by_the_default(
    environment: Environment, host: str
) -> None:
    (warning,) = environment.complaints(BETTER_AUTH_SECRET=SECRET, HOST=host)
    assert warning.is_warning
    assert warning.variable == "HOST"
    assert warning.problem == f"{host} is not an address of this machine, so 127.0.0.1 is used"
    assert Settings.load().host == "127.0.0.1"


# Nothing listens on these hosts: the test only reads the setting.
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "0.0.0.0", "192.0.2.1"])  # noqa: S104 - not bound
def test_an_address_to_listen_on_is_kept(environment: Environment, host: str) -> None:
    assert environment.read(BETTER_AUTH_SECRET=SECRET, HOST=host).host == host


def test_a_host_that_an_option_sets_is_kept(environment: Environment) -> None:
    environment.complaints(BETTER_AUTH_SECRET=SECRET, HOST="a..b")
    settings, complaints = Settings.read(host="a..b")
    assert (settings.host, complaints) == ("a..b", [])


@pytest.mark.parametrize("name", ["LOGLEVEL", "CORS_ORIGIN", "TRUSTED_HOST"])
def test_a_similar_name_without_a_prefix_is_a_warning(environment: Environment, name: str) -> None:
    (warning,) = environment.complaints(BETTER_AUTH_SECRET=SECRET, **{name: "x"})
    assert warning.is_warning
    assert Settings.load().secrets == (SECRET,)


def test_a_similar_name_with_a_prefix_is_refused(environment: Environment) -> None:
    (complaint,) = environment.complaints(BETTER_AUTH_SECRET=SECRET, AUTH_ISSUERS="x")
    assert not complaint.is_warning


SECRETS = {
    f'"{SECRET}"': "begins and ends with a quotation mark",
    f"'{SECRET}": "begins with a quotation mark",
    f"{SECRET}`": "ends with a quotation mark",
    f"{SECRET}\n": "ends with a line break",
    f"{SECRET}\r": "ends with a line break",
    f" {SECRET}": "begins with a space",
    f"{SECRET}\t": "ends with a space",
    f"\ufeff{SECRET}": "begins with an invisible character",
    f"'{SECRET}\n": "begins with a quotation mark and ends with a line break",
}


@pytest.mark.parametrize(("secret", "problem"), SECRETS.items())
def test_a_secret_with_an_odd_first_or_last_character_is_used_and_named(
    environment: Environment, secret: str, problem: str
) -> None:
    (warning,) = environment.complaints(BETTER_AUTH_SECRET=secret)
    assert warning.is_warning
    assert (warning.variable, warning.problem) == ("BETTER_AUTH_SECRET", f"the secret {problem}")
    assert SECRET not in str(warning)
    assert Settings.load().secrets == (secret,)


def test_each_listed_secret_is_checked(environment: Environment) -> None:
    (warning,) = environment.complaints(BETTER_AUTH_SECRETS=f"2:{OTHER_SECRET} ,1:'{SECRET}'")
    assert warning.variable == "BETTER_AUTH_SECRETS"
    assert warning.problem == "the secret begins and ends with a quotation mark"


def test_a_secret_in_a_file_is_named_by_the_variable_of_the_file(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(f'"{SECRET}"\n')
    (warning,) = environment.complaints(BETTER_AUTH_SECRET_FILE=str(tmp_path / "secret"))
    assert warning.is_warning
    assert warning.variable == "BETTER_AUTH_SECRET_FILE"


@pytest.mark.parametrize("secret", [SECRET, f"{SECRET}=", f"a\"'{SECRET}", f"ü{SECRET}ü"])
def test_usual_secrets_cause_no_warning(environment: Environment, secret: str) -> None:
    environment.read(BETTER_AUTH_SECRET=secret)


def test_a_secret_that_is_refused_causes_no_warning_too(environment: Environment) -> None:
    (complaint,) = environment.complaints(BETTER_AUTH_SECRET="'short'")
    assert not complaint.is_warning


@pytest.mark.parametrize("value", ["localhost 10.0.0.1", "localhost;10.0.0.1"])
def test_hosts_without_a_proxy_must_be_separated_by_commas(
    environment: Environment, value: str
) -> None:
    variables = {"BETTER_AUTH_URL": URL, "HTTPS_PROXY": "http://proxy:3128"}
    (warning,) = environment.complaints(**variables, NO_PROXY=value)
    assert warning.is_warning
    assert warning.variable == "NO_PROXY"
    assert environment.complaints(**variables, NO_PROXY="localhost, 10.0.0.1,") == []
