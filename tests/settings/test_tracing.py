"""The standard `OTEL_*` variables: when they ask for tracing, and which values are refused."""

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from backend.settings.tracing import is_tracing_requested, tracing_complaints
from tests.settings.environment import HIDDEN, SECRET, Environment

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "todos"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "OTLP"}, True),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "True"}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "1"}, True),  # the specification knows "true" only
        ({**ENDPOINT, "OTEL_SDK_DISABLED": ""}, True),
    ],
)
def test_the_variables_ask_for_tracing(variables: dict[str, str], *, expected: bool) -> None:
    assert is_tracing_requested(variables) is expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_TRACES_EXPORTER", "otlp,console"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://localhost"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:port"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://user:{HIDDEN}@localhost"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://localhost?key={HIDDEN}"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "inf"),
        ("OTEL_EXPORTER_OTLP_HEADERS", HIDDEN),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/missing.pem"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_SCHEDULE_DELAY", "5s"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "-1"),
    ],
)
def test_values_that_tracing_cannot_use_are_refused(name: str, value: str) -> None:
    (complaint,) = tracing_complaints({**ENDPOINT, name: value})
    assert complaint.variable == name
    assert not complaint.is_warning
    assert HIDDEN not in str(complaint)
    assert list(tracing_complaints({**ENDPOINT, "OTEL_SDK_DISABLED": "true", name: value})) == []


def test_valid_values_are_accepted(tmp_path: Path) -> None:
    certificate = tmp_path / "ca.pem"
    certificate.touch()
    variables = {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example.com:4318/prefix/",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://[::1]:4318/v1/traces?region=eu",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic%20YTpi,x-tenant=1,",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2.5",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(certificate),
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.1",
        "OTEL_BSP_MAX_QUEUE_SIZE": "4096",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4096",
    }
    assert list(tracing_complaints(variables)) == []


def test_a_ratio_is_required_by_the_samplers_that_use_it() -> None:
    (complaint,) = tracing_complaints({**ENDPOINT, "OTEL_TRACES_SAMPLER": "traceidratio"})
    assert complaint.variable == "OTEL_TRACES_SAMPLER_ARG"


def test_the_complaint_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str) -> ModuleSpec | None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    (complaint,) = tracing_complaints(ENDPOINT)
    assert "pip install opentelemetry-sdk" in complaint.remedy
    assert list(tracing_complaints({})) == []


def test_the_settings_report_all_complaints_at_once(environment: Environment) -> None:
    complaints = environment.complaints(
        BETTER_AUTH_SECRET=SECRET,
        PORT="many",
        OTEL_TRACES_EXPORTER="zipkin",
        OTEL_TRACES_SAMPLER="sometimes",
        OTEL_SPAN_LINK_COUNT_LIMIT="many",
        OTEL_BSP_MAX_QUEUE_SIZE="many",
    )
    assert [complaint.variable for complaint in complaints] == [
        "PORT",
        "OTEL_TRACES_EXPORTER",
        "OTEL_TRACES_SAMPLER",
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_SPAN_LINK_COUNT_LIMIT",
    ]
