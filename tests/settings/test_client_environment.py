"""The variables of the HTTP client are validated, and each problem is named."""

import ssl
from pathlib import Path

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.settings import Complaint
from tests.settings.environment import HIDDEN, SECRET, Environment

URL = "https://auth.example.com"
LOOPBACK = "http://127.0.0.1:3000"
CERTIFICATES = ssl.get_default_verify_paths().openssl_cafile


def complaints(environment: Environment, **variables: str) -> list[Complaint]:
    return environment.complaints(BETTER_AUTH_URL=URL, **variables)


PROXIES = {
    "socks5://127.0.0.1:9": "SOCKS",
    "SOCKS5H://127.0.0.1:9": "SOCKS",
    "socks4://127.0.0.1:9": "http://",
    f"ftp://user:{HIDDEN}@proxy": "http://",
    f"user:{HIDDEN}://proxy": "http://",
    "http://127.0.0.1:port": "port",
    f"http://user:{HIDDEN}@127.0.0.1:port": "port",
    "http://127.0.0.1:99999": "port",
    "http://127.0.0.1:0": "port",
    "http://127.0.0.1:-1": "port",
    "127.0.0.1:port": "port",
    "http://": "host",
    "http://[::1": "host",
    "http://a..b:3128": "host",
    "http://a b:3128": "host",
    "http://proxy\t": "characters",
    "http://proxy/\udcff": "characters",
    "://proxy": "http://",
}


@pytest.mark.parametrize(
    "name", ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "https_proxy", "http_proxy"]
)
def test_a_proxy_that_the_client_cannot_use_is_named(environment: Environment, name: str) -> None:
    (complaint,) = complaints(environment, **{name: "socks5://127.0.0.1:9"})
    assert complaint.variable == name
    assert "SOCKS" in complaint.problem
    assert "http://" in complaint.remedy


@pytest.mark.parametrize(("value", "word"), PROXIES.items())
def test_each_problem_of_a_proxy_is_named_without_its_password(
    environment: Environment, value: str, word: str
) -> None:
    (complaint,) = complaints(environment, HTTPS_PROXY=value)
    assert complaint.variable == "HTTPS_PROXY"
    assert word in complaint.problem
    assert HIDDEN not in str(complaint)


@pytest.mark.parametrize(
    "value",
    [
        "http://proxy.example.com:3128",
        "https://proxy.example.com/",
        "proxy:3128",
        "proxy",
        "HTTP://[::1]:3128",
        "http://user:p%40ss@proxy:3128",
        "http://user:p@ss@proxy:3128",
        "http://proxy:",
        "",
    ],
)
def test_proxies_that_the_client_can_use_are_accepted(environment: Environment, value: str) -> None:
    assert complaints(environment, ALL_PROXY=value) == []


def test_every_variable_with_a_problem_is_named_at_once(environment: Environment) -> None:
    found = complaints(
        environment,
        ALL_PROXY="socks5://proxy",
        HTTPS_PROXY="http://proxy:x",
        SSL_CERT_FILE="/nowhere/ca.pem",
        PORT="http",
    )
    assert [complaint.variable for complaint in found] == [
        "PORT",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "SSL_CERT_FILE",
    ]


def test_the_name_in_lower_case_has_priority_as_for_the_client(environment: Environment) -> None:
    assert complaints(environment, HTTPS_PROXY="http://proxy:x", https_proxy="http://proxy") == []
    (complaint,) = complaints(environment, HTTPS_PROXY="http://proxy", https_proxy="http://proxy:x")
    assert complaint.variable == "https_proxy"


def test_no_proxy_for_any_host_turns_proxies_off(environment: Environment) -> None:
    assert complaints(environment, ALL_PROXY="socks5://proxy", NO_PROXY="a, *") == []


def test_a_proxy_for_other_hosts_must_be_valid_too(environment: Environment) -> None:
    (complaint,) = complaints(environment, ALL_PROXY="socks5://proxy", NO_PROXY="auth.example.com")
    assert complaint.variable == "ALL_PROXY"


def test_a_list_of_hosts_does_not_matter_without_a_proxy(environment: Environment) -> None:
    assert complaints(environment, NO_PROXY="localhost 10.0.0.1") == []


def test_a_list_of_hosts_that_is_not_text_is_named(environment: Environment) -> None:
    (complaint,) = complaints(environment, NO_PROXY="?\udcff", HTTPS_PROXY="http://proxy")
    assert complaint.variable == "NO_PROXY"


@pytest.mark.parametrize(
    "variables",
    [{"BETTER_AUTH_SECRET": SECRET}, {"BETTER_AUTH_URL": LOOPBACK}, {"AUTH_JWKS_URL": LOOPBACK}],
)
def test_invalid_proxies_do_not_matter_if_no_proxy_is_used(
    environment: Environment, variables: dict[str, str]
) -> None:
    environment.read(ALL_PROXY="socks5://proxy", NO_PROXY="?\udcff", **variables)


def test_certificates_do_not_matter_without_a_key_set(environment: Environment) -> None:
    environment.read(BETTER_AUTH_SECRET=SECRET, SSL_CERT_FILE="/nowhere/ca.pem")


@pytest.mark.parametrize("url", [URL, "https://localhost:3000", LOOPBACK])
@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "No such file"),
        ("", "no certificate"),
        ("text", "no certificate"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "no certificate",
        ),
    ],
)
def test_a_file_without_certificates_is_named(
    environment: Environment, tmp_path: Path, url: str, content: str | None, word: str
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    (complaint,) = environment.complaints(BETTER_AUTH_URL=url, SSL_CERT_FILE=str(file))
    assert complaint.variable == "SSL_CERT_FILE"
    assert str(file) in complaint.problem
    assert word in complaint.problem


def test_a_folder_is_not_accepted_as_a_file_of_certificates(
    environment: Environment, tmp_path: Path
) -> None:
    (complaint,) = complaints(environment, SSL_CERT_FILE=str(tmp_path))
    assert complaint.variable == "SSL_CERT_FILE"
    assert "directory" in complaint.problem


@pytest.mark.parametrize("missing", [True, False])
def test_a_folder_without_certificates_is_named(
    environment: Environment, tmp_path: Path, missing: bool
) -> None:
    folder = tmp_path / "missing" if missing else tmp_path
    (tmp_path / "ca.pem").write_text("a file that openssl rehash has not seen")
    (complaint,) = complaints(environment, SSL_CERT_DIR=str(folder))
    assert complaint.variable == "SSL_CERT_DIR"
    assert "openssl rehash" in complaint.remedy


def test_one_of_several_folders_with_certificates_is_enough(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "0123abcd.0").touch()
    assert complaints(environment, SSL_CERT_DIR=f"/nowhere:{tmp_path}") == []


def test_the_client_reads_no_folder_beside_a_file(environment: Environment) -> None:
    variables = {"SSL_CERT_FILE": CERTIFICATES, "SSL_CERT_DIR": "/nowhere"}
    if Path(CERTIFICATES).exists():
        assert complaints(environment, **variables) == []


def test_a_file_for_keys_of_tls_that_cannot_be_written_is_named(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "0123abcd.0").touch()
    (complaint,) = complaints(
        environment, SSL_CERT_DIR=str(tmp_path), SSLKEYLOGFILE="/nowhere/keys.log"
    )
    assert complaint.variable == "SSLKEYLOGFILE"


PARTS = st.sampled_from(
    [
        *("a", "b.c", "*", ".", "..", "localhost", "::1", "10.0.0.0/8", "3128", "99999"),
        *("http", "socks5", "://", ":", "/", "[", "]", "@", "?", "#", "%", "%zz", ";", ",", "\\"),
        *("é", "💩", " ", "\t", "\udcff"),
    ]
)
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
VALUES = st.lists(PARTS, max_size=5).map("".join)


@given(proxy=VALUES | VALUES.map("http://{}".format), no_proxy=VALUES)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_client_can_be_made_if_there_is_no_complaint(
    environment: Environment, proxy: str, no_proxy: str
) -> None:
    if complaints(environment, HTTPS_PROXY=proxy, NO_PROXY=no_proxy) == []:
        httpx2.AsyncClient(verify=CONTEXT)
