"""`AUTH_TRUSTED_ISSUERS`: what a list of issuers may say, and what is refused at startup."""

import json
from pathlib import Path
from typing import Any

import pytest

from backend.container.issuer import choose_issuer
from backend.container.trusted_issuers import accepted_by
from backend.settings import AuthSettings, ConfigurationError, Settings, issuer_list
from backend.settings.effective import effective_settings
from backend.settings.trusted_issuers import TrustedIssuer, accepted_issuers, trusted_issuers
from tests.documents import fenced_blocks
from tests.settings.environment import HIDDEN, OTHER_SECRET, SECRET, Environment

PAGE = Path("docs/several-issuers.md")
LIST = "AUTH_TRUSTED_ISSUERS"
ACME: dict[str, Any] = {
    "name": "acme",
    "user_id_prefix": "acme:",
    "BETTER_AUTH_URL": "https://acme.example.com",
}
GLOBEX: dict[str, Any] = {
    "name": "globex",
    "user_id_prefix": "globex:",
    "AUTH_PROVIDER": "oidc",
    "OIDC_ISSUER": "https://id.globex.example/",
    "AUTH_AUDIENCE": "todo-api",
}


def complained(environment: Environment, *entries: object, **variables: str) -> list[str]:
    """Return the texts of the complaints about a list."""
    complaints = environment.complaints(**{LIST: json.dumps(entries)}, **variables)
    return [str(complaint) for complaint in complaints]


def only_complaint(environment: Environment, *entries: object) -> str:
    (complaint,) = complained(environment, *entries)
    return complaint


def load(*entries: object, **values: Any) -> tuple[TrustedIssuer, ...]:
    return trusted_issuers(Settings.load(auth_trusted_issuers=entries, **values))


def test_each_entry_has_settings_of_its_own(environment: Environment) -> None:
    settings = environment.read(**{LIST: json.dumps([ACME, GLOBEX])})
    acme, globex = trusted_issuers(settings)
    assert (acme.name, acme.user_id_prefix) == ("acme", "acme:")
    assert acme.settings.better_auth_url == "https://acme.example.com"
    assert acme.settings.oidc_issuer is None
    assert globex.settings.oidc_issuer == "https://id.globex.example/"
    assert globex.settings.auth_audience == ("todo-api",)
    assert globex.settings.better_auth_url is None


def test_without_a_list_there_are_no_several_issuers() -> None:
    assert trusted_issuers(Settings.load(better_auth_secret=SECRET)) == ()


def test_the_list_is_read_from_a_file(environment: Environment, tmp_path: Path) -> None:
    file = tmp_path / "issuers.json"
    file.write_text(json.dumps([ACME, GLOBEX], indent=2) + "\n")
    settings = environment.read(AUTH_TRUSTED_ISSUERS_FILE=str(file))
    assert [issuer.name for issuer in trusted_issuers(settings)] == ["acme", "globex"]
    assert Settings.names_an_issuer()
    file.write_text("[{}")
    (complaint,) = environment.complaints(AUTH_TRUSTED_ISSUERS_FILE=str(file))
    assert complaint.variable == "AUTH_TRUSTED_ISSUERS_FILE"
    assert complaint.concerns(LIST)


def test_the_blocks_of_the_page_are_valid(environment: Environment) -> None:
    blocks = [block for block in fenced_blocks(PAGE) if block.language == "json"]
    assert len(blocks) == 3
    for block in blocks:
        environment.read(**{LIST: block.text})


def test_every_setting_is_of_an_issuer_or_of_the_server() -> None:
    of_server = {"auth_trusted_issuers", "cors_origins"}
    of_server |= {"auth_cookie", "auth_cookie_name", "auth_cookie_version"}
    of_server |= {"auth_session_tokens", "auth_session_max_age"}
    parts = [issuer_list.OF_ISSUER, {*issuer_list.COMMON}, of_server]
    assert {*AuthSettings.model_fields} == set().union(*parts)
    assert len(AuthSettings.model_fields) == sum(map(len, parts))


def test_settings_of_the_server_hold_for_every_issuer() -> None:
    common: dict[str, Any] = {
        "auth_leeway": 7,
        "auth_max_lifetime": 900,
        "auth_token_max_bytes": 2048,
        "auth_token_cache_size": 3,
        "auth_jwks_max_age": 60,
        "auth_jwks_max_stale": 61,
    }
    assert {*common} == {*issuer_list.COMMON}
    for issuer in load(ACME, GLOBEX, workers=4, **common):
        assert {name: getattr(issuer.settings, name) for name in common} == common
        assert issuer.settings.processes == 4


def test_values_may_be_booleans_and_lists() -> None:
    (issuer,) = load(
        {**ACME, "AUTH_MACHINE_TOKENS": True, "AUTH_ISSUER": ["a", "b"], "AUTH_RESOURCE": ""}
    )
    assert issuer.settings.auth_machine_tokens
    assert issuer.settings.auth_issuer == ("a", "b")
    assert issuer.settings.auth_resource is None


def test_every_problem_is_reported_at_once_with_entry_and_variable(
    environment: Environment,
) -> None:
    complaints = complained(
        environment,
        {**ACME, "BETTER_AUTH_URL": "acme"},
        {**GLOBEX, "AUTH_AUDIENCE": "", "BETTER_AUTH_SECRET": SECRET},
        {"user_id_prefix": "x:"},
        BETTER_AUTH_URL="https://app.example.com",
        AUTH_COOKIE="jwt",
        CORS_ORIGINS="https://app.example.com",
    )
    expected = [
        "BETTER_AUTH_URL",
        "AUTH_COOKIE",
        f"{LIST}: entry 1 (acme): BETTER_AUTH_URL",
        f"{LIST}: entry 2 (globex): BETTER_AUTH_SECRET",
        f"{LIST}: entry 2 (globex): AUTH_AUDIENCE",
        f"{LIST}: entry 3: name",
        f"{LIST}: entry 3: BETTER_AUTH_URL",
    ]
    assert len(complaints) == len(expected)
    for text, start in zip(complaints, expected, strict=True):
        assert text.startswith(f"{start}: ")
    assert complaints[2].endswith("Set it to a URL like https://app.example.com.")
    assert "Move it into the entries of AUTH_TRUSTED_ISSUERS" in complaints[0]


@pytest.mark.parametrize("name", sorted(issuer_list.OF_ISSUER))
def test_a_setting_of_an_issuer_beside_the_list_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(auth_trusted_issuers=[ACME], **{name: "on"})
    assert name.upper() in {complaint.variable for complaint in caught.value.complaints}


def test_settings_of_a_program_are_checked_too() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"auth_trusted_issuers": [ACME], "better_auth_url": "https://a.example"}, "BETTER_AUTH"),
        ({"auth_trusted_issuers": [ACME], "auth_cookie": "jwt"}, "AUTH_COOKIE"),
        (
            {"auth_trusted_issuers": [ACME], "auth_session_tokens": "get-session"},
            "AUTH_SESSION_TOKENS",
        ),
        ({"auth_trusted_issuers": [ACME, {}]}, "entry 2"),
        ({"auth_trusted_issuers": []}, "1 to 100 entries"),
    ]
    for values, message in wrong:
        with pytest.raises(ConfigurationError, match=message):
            trusted_issuers(AuthSettings(**values))


def test_an_mcp_url_needs_an_authorization_server_in_each_entry(environment: Environment) -> None:
    variables = {"MCP_URL": "https://mcp.example.com/mcp"}
    environment.read(**{LIST: json.dumps([ACME, GLOBEX])}, **variables)
    old = {"name": "old", "user_id_prefix": "old:", "AUTH_ISSUER": "a"}
    secret = {**old, "BETTER_AUTH_SECRET": SECRET}
    (complaint,) = complained(environment, ACME, secret, **variables)
    assert complaint.startswith("MCP_URL: the issuer old has no authorization server")
    (complaint,) = complained(environment, {**ACME, "name": ""}, **variables)
    assert complaint.startswith(f"{LIST}: entry 1: name")


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "[", "{}", '"acme"', "1", "null", "true", "[1]", "[[]]", "[]", "[{}", "[{]}"),
        *('[{"name": "a", "name": "b"}]', '[{"name": NaN}]', "[" * 100_000),
        *(f"[{'9' * 10_000}]", json.dumps([{}] * 101)),
    ],
)
def test_other_texts_are_refused(environment: Environment, text: str) -> None:
    complaints = environment.complaints(**{LIST: text})
    if not text:  # as if the variable were not set
        assert [complaint.variable for complaint in complaints] == ["BETTER_AUTH_URL"]
        return
    (complaint,) = complaints
    assert complaint.variable == LIST
    assert len(str(complaint)) < 300


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": ""}, "entry 1: name"),
        ({"name": "a b"}, "entry 1: name"),
        ({"name": "é"}, "entry 1: name"),
        ({"name": "a" * 65}, "entry 1: name"),
        ({"name": 1}, "entry 1: name"),
        ({"user_id_prefix": None}, "entry 1 (acme): user_id_prefix"),
        ({"user_id_prefix": "a b"}, "entry 1 (acme): user_id_prefix"),
        ({"user_id_prefix": "é:"}, "entry 1 (acme): user_id_prefix"),
        ({"user_id_prefix": "a" * 65}, "entry 1 (acme): user_id_prefix"),
        ({"AUTH_AUDIENCE": ["a,b"]}, "entry 1 (acme): AUTH_AUDIENCE"),
        ({"AUTH_AUDIENCE": [1]}, "entry 1 (acme): AUTH_AUDIENCE"),
        ({"AUTH_AUDIENCE": {}}, "entry 1 (acme): AUTH_AUDIENCE"),
        ({"BETTER_AUTH_SECRETS": 1}, "entry 1 (acme): BETTER_AUTH_SECRETS"),
        ({"AUTH_ALGORITHMS": None}, "entry 1 (acme): AUTH_ALGORITHMS"),
        ({"AUTH_TRUSTED_ISSUERS": "[]"}, "entry 1 (acme): AUTH_TRUSTED_ISSUERS"),
        ({"AUTH_COOKIE": "jwt"}, "entry 1 (acme): AUTH_COOKIE"),
        ({"AUTH_SESSION_TOKENS": "get-session"}, "entry 1 (acme): AUTH_SESSION_TOKENS"),
        ({"PORT": "1"}, "entry 1 (acme): PORT"),
        ({HIDDEN: "1"}, "entry 1 (acme): a member"),
        ({"x" * 41: "1"}, "entry 1 (acme): a member"),
    ],
)
def test_members_are_checked(
    environment: Environment, change: dict[str, Any], expected: str
) -> None:
    complaint = only_complaint(environment, {**ACME, **change})
    assert complaint.startswith(f"{LIST}: {expected}: ")
    assert HIDDEN not in complaint


@pytest.mark.parametrize(
    ("member", "remedy"),
    [
        ("better_auth_url", "Rename it to BETTER_AUTH_URL"),
        ("AUTH_AUDIENCES", "Rename it to AUTH_AUDIENCE"),
        ("user_id_prefx", "Rename it to user_id_prefix"),
        ("Name", "Rename it to name"),
        ("AUTH_LEEWAY", "Set it in the environment"),
        ("BETTER_AUTH_SECRET_FILE", "set AUTH_TRUSTED_ISSUERS_FILE to its path"),
        ("colour", "Remove it"),
    ],
)
def test_an_unknown_member_has_a_remedy(environment: Environment, member: str, remedy: str) -> None:
    assert remedy in only_complaint(environment, {**ACME, member: "x"})


@pytest.mark.parametrize("member", ["name", "user_id_prefix"])
def test_a_missing_member_is_reported_as_missing(environment: Environment, member: str) -> None:
    entry = {name: value for name, value in ACME.items() if name != member}
    assert f": {member}: is missing. " in only_complaint(environment, entry)


def test_an_entry_needs_a_known_issuer(environment: Environment) -> None:
    entry = {"name": "secret", "user_id_prefix": "s:", "BETTER_AUTH_SECRET": SECRET}
    assert "entry 1 (secret): AUTH_ISSUER: " in only_complaint(environment, entry)
    assert load({**entry, "AUTH_ISSUER": "https://old.example.com"})


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {"name": "acme"}, "name"),
        ({}, {"OIDC_ISSUER": "https://acme.example.com"}, "iss"),
        ({"AUTH_ISSUER": GLOBEX["OIDC_ISSUER"]}, {}, "iss"),
        ({"user_id_prefix": "a"}, {"user_id_prefix": "ab"}, "user_id_prefix"),
        ({"user_id_prefix": "ab"}, {"user_id_prefix": "a"}, "user_id_prefix"),
        (
            {"AUTH_RESOURCE": "https://a.example.com"},
            {"AUTH_PROVIDER": "better-auth", "BETTER_AUTH_URL": "https://globex.example.com"}
            | {"OIDC_ISSUER": "", "AUTH_AUDIENCE": "", "AUTH_RESOURCE": "https://b.example.com"},
            "AUTH_RESOURCE",
        ),
    ],
)
def test_entries_that_cannot_be_told_apart_are_refused(
    environment: Environment, first: dict[str, Any], second: dict[str, Any], expected: str
) -> None:
    complaint = only_complaint(environment, {**ACME, **first}, {**GLOBEX, **second})
    assert complaint.startswith(f"{LIST}: entry 2 (")
    assert f": {expected}: " in complaint


def test_two_entries_must_not_have_the_same_secret(environment: Environment) -> None:
    other = {**ACME, "name": "b", "user_id_prefix": "b:", "BETTER_AUTH_URL": "https://b.example"}
    complaint = only_complaint(
        environment,
        {**ACME, "BETTER_AUTH_SECRETS": f"2:{OTHER_SECRET},1:{SECRET}"},
        {**other, "BETTER_AUTH_SECRET": SECRET},
    )
    assert 'entry 2 (b): BETTER_AUTH_SECRET: "acme" has the same secret' in complaint
    assert SECRET not in complaint


@pytest.mark.parametrize("prefixes", [("", "acme:"), ("", ""), ("a:", "a:"), ("a:", "b:")])
def test_equal_and_empty_prefixes_are_allowed(prefixes: tuple[str, str]) -> None:
    first, second = prefixes
    issuers = load({**ACME, "user_id_prefix": first}, {**GLOBEX, "user_id_prefix": second})
    assert tuple(issuer.user_id_prefix for issuer in issuers) == prefixes


@pytest.mark.parametrize(
    "values",
    [
        {"better_auth_url": "https://App.example.com:443/"},
        {"better_auth_url": "https://app.example.com:8443/base/"},
        {"better_auth_url": "https://app.example.com", "auth_resource": "https://api.example.com"},
        {
            "better_auth_url": "https://app.example.com/base/path/",
            "auth_resource": "https://api.example.com",
        },
        {"better_auth_url": "https://app.example.com", "auth_issuer": "a,b"},
        {"better_auth_secret": SECRET},
        {"better_auth_secret": SECRET, "auth_issuer": "a"},
        {"auth_provider": "oidc", "oidc_issuer": "https://id.example.com/"},
        {
            "auth_provider": "oidc",
            "oidc_issuer": "https://id.example.com/",
            "auth_resource": "https://api.example.com",
        },
    ],
)
def test_the_settings_know_the_issuers_that_the_container_accepts(values: dict[str, Any]) -> None:
    settings = AuthSettings(**values)
    assert accepted_issuers(settings) == accepted_by(choose_issuer(settings))


def test_an_odd_secret_is_a_warning_about_its_entry(environment: Environment) -> None:
    entry = {**ACME, "BETTER_AUTH_SECRET": f'"{SECRET}"'}
    (complaint,) = environment.complaints(**{LIST: json.dumps([entry])})
    assert complaint.is_warning
    assert "entry 1 (acme): BETTER_AUTH_SECRET: " in str(complaint)


def test_a_proxy_is_reported_only_once(environment: Environment) -> None:
    complaints = complained(environment, ACME, GLOBEX, HTTPS_PROXY="ftp://proxy")
    assert len(complaints) == 1
    assert complaints[0].startswith("HTTPS_PROXY: ")


def test_no_output_shows_a_secret_of_the_list(environment: Environment) -> None:
    long = f"{HIDDEN} and many more characters than a secret needs"
    entries = [{**ACME, "BETTER_AUTH_SECRET": long}, {**GLOBEX, "BETTER_AUTH_SECRET": HIDDEN}]
    complaints = complained(environment, *entries)
    assert len(complaints) == 2  # too short, and not used by OIDC
    settings, _ = Settings.read()
    shown = effective_settings(settings)
    assert HIDDEN not in "\n".join([*complaints, repr(settings), str(settings), repr(shown)])
    (listed,) = [item for item in shown if item.variable == LIST]
    assert listed.is_secret
    assert str(listed.value).startswith("set (")
    assert HIDDEN not in repr(load(entries[0]))
    broken = json.dumps(entries)[:-3]
    for complaint in environment.complaints(**{LIST: broken}):
        assert HIDDEN not in str(complaint)
