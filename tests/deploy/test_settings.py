"""The variables that the files of deploy/ set are settings of the API."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from backend.entrypoints.server.pings import START_TIMEOUT
from backend.entrypoints.server.process import uvicorn_options
from backend.settings import Settings
from tests.deploy.dockerfile import read
from tests.deploy.files import (
    DEPLOY,
    compose_services,
    kubernetes_objects,
    unit_options,
)

IMAGE = read(DEPLOY / "Dockerfile")
SERVICES = compose_services()
OBJECTS = kubernetes_objects()
UNIT = unit_options("todo-api.service")

# Variables of Python and of the shell.
OTHER = {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
FILE_FORMS = {"BETTER_AUTH_SECRET_FILE", "BETTER_AUTH_SECRETS_FILE", "DATABASE_URL_FILE"}


def variables_of_unit(name: str) -> dict[str, str]:
    lines = unit_options(name)["Environment"]
    return dict(pair.split("=", 1) for line in lines for pair in line.split())


def variables_of_container(container: Mapping[str, Any]) -> dict[str, str]:
    variables = {item["name"]: item["value"] for item in container["env"]}
    for source in container.get("envFrom", []):
        assert source["configMapRef"]["name"] == OBJECTS["ConfigMap"]["metadata"]["name"]
        variables |= OBJECTS["ConfigMap"]["data"]
    return variables


def container_of(kind: str) -> dict[str, Any]:
    (container,) = OBJECTS[kind]["spec"]["template"]["spec"]["containers"]
    return dict(container)


ENVIRONMENTS = {
    "Dockerfile": IMAGE.variables,
    "compose.yaml, api-1": SERVICES["api-1"]["environment"],
    "compose.yaml, api-2": SERVICES["api-2"]["environment"],
    "compose.yaml, migrate": SERVICES["migrate"]["environment"],
    "kubernetes.yaml, deployment": variables_of_container(container_of("Deployment")),
    "kubernetes.yaml, migrate": variables_of_container(container_of("Job")),
    "todo-api.service": variables_of_unit("todo-api.service"),
    "todo-api-migrate.service": variables_of_unit("todo-api-migrate.service"),
}


def with_default(value: str) -> str:
    """Return the default of a variable that Compose replaces."""
    return re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)


@pytest.mark.parametrize("place", ENVIRONMENTS)
def test_every_variable_is_a_setting(place: str) -> None:
    known = {name.upper() for name in Settings.model_fields} | FILE_FORMS | OTHER
    assert set(ENVIRONMENTS[place]) - known == set()


@pytest.mark.parametrize("place", [place for place in ENVIRONMENTS if "igrat" not in place])
def test_every_value_is_valid(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENTS[place].items():
        if name not in OTHER | FILE_FORMS:
            monkeypatch.setenv(name, with_default(value))
    monkeypatch.setenv("DATABASE_URL", "postgresql://todos_app@postgres/todos")
    if place in {"Dockerfile", "todo-api.service"}:
        monkeypatch.setenv("BETTER_AUTH_URL", "https://app.example.com")
    _, complaints = Settings.read()
    assert complaints == []


@pytest.mark.parametrize("place", [place for place in ENVIRONMENTS if place != "Dockerfile"])
def test_the_url_of_the_database_is_a_file_that_is_mounted(place: str) -> None:
    variables = ENVIRONMENTS[place]
    assert "DATABASE_URL" not in variables
    assert variables["DATABASE_URL_FILE"].startswith(("/run/secrets/", "%d/"))


def test_the_server_never_sees_the_owner_of_the_tables() -> None:
    assert SERVICES["api-1"]["secrets"] == ["app_url"]
    assert SERVICES["migrate"]["secrets"] == ["owner_url"]
    secrets = {
        kind: OBJECTS[kind]["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"]
        for kind in ("Deployment", "Job")
    }
    assert secrets == {"Deployment": "todo-api-app", "Job": "todo-api-owner"}
    assert UNIT["LoadCredential"] == ["database_url:/etc/todo-api/database_url"]
    migration = unit_options("todo-api-migrate.service")
    assert migration["LoadCredential"] == ["database_url:/etc/todo-api/owner_url"]


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


@pytest.mark.parametrize(
    ("place", "patience"),
    [
        ("compose.yaml, api-1", seconds(SERVICES["api-1"]["stop_grace_period"])),
        (
            "kubernetes.yaml, deployment",
            OBJECTS["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"],
        ),
        ("todo-api.service", seconds(UNIT["TimeoutStopSec"][0])),
    ],
)
def test_a_stopping_server_has_time_to_drain_and_to_finish_requests(
    place: str, patience: int
) -> None:
    draining = int(ENVIRONMENTS[place]["SHUTDOWN_DELAY"])
    finishing = uvicorn_options()["timeout_graceful_shutdown"]
    assert draining > 0
    assert draining + finishing < patience <= draining + finishing + 5


def test_a_worker_may_take_as_long_to_start_as_its_container() -> None:
    allowed = re.search(r"--start-period=(\d+)s", IMAGE.instructions["HEALTHCHECK"][0])
    assert allowed
    assert int(allowed[1]) <= START_TIMEOUT


def test_every_way_to_the_server_uses_its_port() -> None:
    port = IMAGE.variables["PORT"]
    assert SERVICES["caddy"]["environment"]["API_UPSTREAMS"] == f"api-1:{port} api-2:{port}"
    assert container_of("Deployment")["ports"] == [{"name": "http", "containerPort": int(port)}]
    assert ENVIRONMENTS["todo-api.service"]["PORT"] == port
