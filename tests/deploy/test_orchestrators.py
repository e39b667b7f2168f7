"""Compose, Kubernetes and systemd: the files are valid, and give the server no privileges."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # has no type stubs
import pytest

from backend import __version__
from backend.entrypoints.cli.exits import MISCONFIGURED
from tests.adapters.persistence.scaling import statements_of
from tests.deploy.dockerfile import read
from tests.deploy.files import (
    DEPLOY,
    compose_services,
    kubernetes_objects,
    text_of,
    unit_options,
)

USER = read(DEPLOY / "Dockerfile").instructions["USER"][0]
OBJECTS = kubernetes_objects()
SERVICES = compose_services()
UNITS = ["todo-api.service", "todo-api-migrate.service"]
WORKLOADS = ["Deployment", "Job"]


def pod_of(kind: str) -> dict[str, Any]:
    return dict(OBJECTS[kind]["spec"]["template"]["spec"])


def test_compose_has_the_form_of_the_specification() -> None:
    command = Path(sys.executable).with_name("check-jsonschema")
    schema = ["--builtin-schema", "vendor.compose-spec"]
    subprocess.run([command, *schema, DEPLOY / "compose.yaml"], check=True, capture_output=True)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert "privileged" not in service


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in {"migrate", "grants"}])
def test_every_lasting_service_restarts_and_has_limits(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}


def test_the_services_start_in_order() -> None:
    conditions = {
        (name, before): condition["condition"]
        for name, service in SERVICES.items()
        for before, condition in service.get("depends_on", {}).items()
    }
    assert conditions == {
        ("migrate", "postgres"): "service_healthy",
        ("grants", "migrate"): "service_completed_successfully",
        ("api-1", "grants"): "service_completed_successfully",
        ("api-2", "grants"): "service_completed_successfully",
        ("caddy", "api-1"): "service_healthy",
        ("caddy", "api-2"): "service_healthy",
    }


def test_only_the_proxy_and_the_demo_issuer_can_be_reached_from_outside() -> None:
    published = {name: service.get("ports") for name, service in SERVICES.items()}
    assert {name for name, ports in published.items() if ports} == {"caddy", "issuer"}
    assert all(port.startswith("127.0.0.1:") for port in published["issuer"])
    assert SERVICES["postgres"]["networks"] == ["back"]


def test_every_file_that_compose_mounts_exists() -> None:
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", [])]
    files = [mount.partition(":")[0] for mount in mounts if mount.startswith("./")]
    assert {"./Caddyfile", "./grants.sql", "./roles.sh"} == set(files)
    assert all((DEPLOY / name).is_file() for name in files)


def test_new_secrets_are_different_and_are_kept(tmp_path: Path) -> None:
    script = tmp_path / "new-secrets.sh"
    script.write_text(text_of("new-secrets.sh"))

    def make() -> dict[str, str]:
        subprocess.run(["/bin/sh", script], check=True)
        return {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}

    secrets = make()
    assert secrets.keys() == {"postgres_password", "owner_url", "app_url"}
    assert len(set(re.findall(r"[0-9a-f]{48}", "".join(secrets.values())))) == len(secrets)
    assert secrets["app_url"].startswith("postgresql://todos_app:")
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert make() == secrets


def test_compose_grants_the_privileges_of_the_page() -> None:
    page = re.findall(r"^GRANT .*;$", statements_of("Roles"), re.MULTILINE)
    assert re.findall(r"^GRANT .*;$", text_of("grants.sql"), re.MULTILINE) == page


@pytest.mark.parametrize("kind", OBJECTS)
def test_kubernetes_accepts_every_object(kind: str) -> None:
    kubernetes_validate.validate(OBJECTS[kind], "1.37", strict=True)


@pytest.mark.parametrize("kind", WORKLOADS)
def test_every_pod_fits_the_restricted_profile(kind: str) -> None:
    pod = pod_of(kind)
    user, group = map(int, USER.split(":"))
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": group,
        "fsGroup": group,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert container["image"].endswith(f":{__version__}")


def test_every_probe_has_its_own_route() -> None:
    (container,) = pod_of("Deployment")["containers"]
    paths = {name: probe["httpGet"]["path"] for name, probe in container.items() if "Probe" in name}
    assert paths == {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }


def test_traffic_stops_before_a_pod_closes_its_socket() -> None:
    probe = pod_of("Deployment")["containers"][0]["readinessProbe"]
    unnoticed = probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]
    assert unnoticed < int(OBJECTS["ConfigMap"]["data"]["SHUTDOWN_DELAY"])


def test_the_selectors_find_the_pods_of_the_deployment_only() -> None:
    labels = OBJECTS["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert OBJECTS["Service"]["spec"]["selector"] == labels
    assert OBJECTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert OBJECTS["Job"]["spec"]["template"]["metadata"]["labels"] != labels


def test_a_rollout_and_a_disruption_leave_replicas() -> None:
    assert OBJECTS["Deployment"]["spec"]["replicas"] > 1
    assert OBJECTS["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert OBJECTS["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_has_no_privileges(name: str) -> None:
    options = unit_options(name)
    assert options["DynamicUser"] == ["yes"]
    assert options["CapabilityBoundingSet"] == [""]
    assert options["ProtectSystem"] == ["strict"]
    assert options["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
    for option in ("NoNewPrivileges", "MemoryDenyWriteExecute", "PrivateTmp", "PrivateDevices"):
        assert options[option] == ["yes"], option
    assert options["RestrictAddressFamilies"] == ["AF_INET AF_INET6 AF_UNIX"]


def test_the_service_restarts_unless_its_configuration_is_invalid() -> None:
    options = unit_options("todo-api.service")
    assert options["Restart"] == ["always"]
    assert options["RestartPreventExitStatus"] == [str(MISCONFIGURED)]
    assert options["KillMode"] == ["mixed"]
    assert options["ExecStart"] == ["/opt/todo-api/bin/todo-api serve"]


def test_production_keeps_nothing_of_the_demo_issuer() -> None:
    environment = SERVICES["api-1"]["environment"]
    demo = [name for name, value in environment.items() if name.startswith("AUTH_")]
    assert demo == ["AUTH_ALLOW_HTTP", "AUTH_JWKS_URL"]
    (sentence,) = re.findall(r"For production, remove (.*?)\.", Path("docs/deploy.md").read_text())
    assert set(demo) <= set(re.findall(r"`(\w+)`", sentence))
