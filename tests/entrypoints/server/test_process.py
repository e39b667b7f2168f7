"""The listening socket, the check of the routes, and servers that cannot start."""

import errno
import socket
from collections.abc import Iterator

import pytest
import uvicorn

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.entrypoints.http.app import Api, create_app
from backend.entrypoints.http.auth.dependencies import CurrentPrincipal
from backend.entrypoints.server import listening, process
from backend.settings import Complaint, ConfigurationError, Settings
from backend.testing.fakes import FakeTokenVerifier
from tests.settings.environment import SECRET


def settings(**values: object) -> Settings:
    return Settings.load(**{"better_auth_secret": SECRET, "port": 0, **values})


def app() -> Api:
    return create_app(
        Container(
            settings=settings(),
            token_verifier=FakeTokenVerifier(),
            database=InMemoryDatabase(),
        )
    )


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listening.listen(settings()) as listener:
        yield listener


def complaint(**values: object) -> Complaint:
    """Return why the server cannot listen."""
    with pytest.raises(ConfigurationError) as failure:
        listening.listen(settings(**values))
    (complaint,) = failure.value.complaints
    return complaint


def test_the_listener_accepts_connections_before_a_server_runs(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as client:
        assert client.getpeername() == listener.getsockname()
    assert listener.get_inheritable()


def test_a_port_in_use_is_reported_with_the_next_port(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    assert str(complaint(port=port)) == (
        f"PORT: {port} is already in use. Choose another port, for example"
        f" PORT={port % 65_535 + 1}."
    )


def test_a_port_for_administrators_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(_: socket.socket, address: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", bind)
    assert str(complaint(port=80)) == (
        "PORT: only an administrator may listen on port 80. Choose a port from 1024 to 65535."
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "a..b"])
def test_a_host_that_is_not_this_machine_is_reported(host: str) -> None:
    assert str(complaint(host=host)) == (
        "HOST: not an address of this machine. Set it to 127.0.0.1, or to 0.0.0.0 to listen on"
        " every address."
    )


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", "http://127.0.0.1"), ("::1", "http://[::1]"), ("localhost", "http://localhost")],
)
def test_the_address_is_a_url(listener: socket.socket, host: str, expected: str) -> None:
    assert listening.address(listener, host) == f"{expected}:{listener.getsockname()[1]}"


def test_an_app_without_unprotected_routes_has_no_complaints() -> None:
    assert process.unprotected_routes(app()) == []


def test_each_unprotected_route_is_a_complaint() -> None:
    unsafe = app()
    for path in ("/api/first", "/api/second"):
        unsafe.add_api_route(path, lambda: None, methods=["GET"])
    complaints = process.unprotected_routes(unsafe)
    assert [complaint.variable for complaint in complaints] == ["/api/first", "/api/second"]
    assert all("CurrentPrincipal" in complaint.remedy for complaint in complaints)


def test_a_principal_from_the_request_is_a_complaint() -> None:
    async def endpoint(principal: CurrentPrincipal | None = None) -> str:
        return repr(principal)

    unsafe = app()
    unsafe.add_api_route("/public", endpoint)
    unsafe.add_api_route("/api/first", lambda: None, methods=["GET"])
    first, *others = process.unprotected_routes(unsafe)
    assert str(first).startswith(
        "/public: `principal` of `endpoint` would be read from the body of a request,"
    )
    assert "Write `principal: CurrentPrincipal`" in first.remedy
    assert [complaint.variable for complaint in others] == ["/api/first", "/public"]


def test_a_server_that_cannot_start_exits_with_an_error(listener: socket.socket) -> None:
    unsafe = app()
    unsafe.add_api_route("/api/unsafe", lambda: None, methods=["GET"])
    with pytest.raises(SystemExit) as exit_:
        process.run_app(unsafe, settings(), listener)
    assert exit_.value.code == 3


@pytest.mark.parametrize(
    ("files", "expected"), [(65_536, 1_000), (1_024, 758), (256, 128), (64, 32)]
)
def test_the_limit_of_connections_follows_the_limit_of_files(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    listener: socket.socket,
    files: int,
    expected: int,
) -> None:
    used: list[int] = []

    def serve(config: uvicorn.Config, _: socket.socket, shutdown_delay: float) -> None:
        used.append(config.http.keywords["connections"].maximum)  # type: ignore[union-attr]  # uvicorn's type of `http` has no partial
        assert (config.timeout_keep_alive, shutdown_delay) == (30, 1.5)

    monkeypatch.setattr(process, "raise_file_limit", lambda: files)
    monkeypatch.setattr(process, "_run", serve)
    process.run_workers(settings(keep_alive=30, shutdown_delay=1.5), listener)
    assert used == [expected]
    assert bool(caplog.messages) == (expected < 1_000)
