"""Reads the standard `OTEL_*` variables: whether they ask for tracing, and their problems.

The OpenTelemetry SDK reads their values itself, but only warns about an invalid value.
"""

import importlib.util
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from backend.settings.complaints import Complaint

_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACES_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_SAMPLER: Final = "OTEL_TRACES_SAMPLER"
_SAMPLER_ARG: Final = "OTEL_TRACES_SAMPLER_ARG"

_PROTOCOL: Final = "http/protobuf"
_SAMPLERS: Final = (
    *("always_on", "always_off", "traceidratio"),
    *("parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
)
_COMPRESSIONS: Final = ("none", "gzip", "deflate")
_PACKAGES: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")

# Integers, each with its smallest value.
_NUMBERS: Final = {
    "OTEL_BSP_SCHEDULE_DELAY": 1,
    "OTEL_BSP_EXPORT_TIMEOUT": 1,
    "OTEL_BSP_MAX_QUEUE_SIZE": 1,
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": 1,
    "OTEL_ATTRIBUTE_COUNT_LIMIT": 0,
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": 0,
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": 0,
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": 0,
    "OTEL_SPAN_EVENT_COUNT_LIMIT": 0,
    "OTEL_SPAN_LINK_COUNT_LIMIT": 0,
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": 0,
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": 0,
}

_EXTRA_MISSING: Final = Complaint(
    _EXPORTER,
    "the OTEL_* variables ask for tracing, but the packages for it are not installed",
    "Install the extra `tracing`: `pip install opentelemetry-sdk"
    " opentelemetry-exporter-otlp-proto-http`. Or set OTEL_SDK_DISABLED=true.",
)


def is_tracing_requested(environment: Mapping[str, str]) -> bool:
    """Return whether the variables ask for tracing.

    The result is true if they name an exporter or an endpoint, unless OTEL_SDK_DISABLED is true or
    OTEL_TRACES_EXPORTER is none. An empty variable counts as not set.
    """
    if _read(environment, "OTEL_SDK_DISABLED").lower() == "true":
        return False
    exporter = _read(environment, _EXPORTER).lower()
    endpoints = _read(environment, _ENDPOINT) or _read(environment, _TRACES_ENDPOINT)
    return bool(exporter or endpoints) and exporter != "none"


def tracing_complaints(environment: Mapping[str, str]) -> Iterator[Complaint]:
    """Complain about variables that tracing cannot use, if they ask for tracing.

    A complaint quotes no value, because an endpoint or a header may contain a secret.
    """
    if not is_tracing_requested(environment):
        return
    if not all(map(_is_installed, _PACKAGES)):
        yield _EXTRA_MISSING
    if _read(environment, _EXPORTER).lower() not in {"", "otlp"}:
        yield Complaint(_EXPORTER, "only the exporter otlp is supported", "Set it to otlp or none.")
    for check in _CHECKS:
        value = _read(environment, check.name)
        if value and not check.is_valid(value):
            yield Complaint(check.name, check.problem, check.remedy)
    yield from _number_complaints(environment)
    if "ratio" in _read(environment, _SAMPLER).lower() and not _read(environment, _SAMPLER_ARG):
        yield Complaint(
            _SAMPLER_ARG, "the sampler needs a ratio", "Set it to a number from 0 to 1."
        )


def _number_complaints(environment: Mapping[str, str]) -> Iterator[Complaint]:
    numbers = {"OTEL_BSP_MAX_QUEUE_SIZE": 2048, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": 512}  # defaults
    for name, smallest in _NUMBERS.items():
        value = _read(environment, name)
        if not value:
            continue
        numbers[name] = int(value) if value.isascii() and value.isdigit() else -1
        if numbers[name] < smallest:
            yield Complaint(name, "not a valid number", f"Set it to an integer from {smallest}.")
    queue, batch = numbers["OTEL_BSP_MAX_QUEUE_SIZE"], numbers["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"]
    if batch > queue > 0:
        yield Complaint(
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
            "a batch has more spans than the queue",
            "Set it to at most OTEL_BSP_MAX_QUEUE_SIZE, which is 2048 by default.",
        )


def _read(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "").strip()


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # the parent of the package is missing
        return False


def _is_endpoint(value: str) -> bool:
    try:
        url = urlsplit(value)
        _ = url.port  # raises an error if it is not a port
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and bool(url.hostname) and "@" not in url.netloc


def _is_base_endpoint(value: str) -> bool:
    return _is_endpoint(value) and not {"?", "#"} & set(value)  # the SDK appends a path


def _is_sampler(value: str) -> bool:
    return value.lower() in _SAMPLERS


def _is_ratio(value: str) -> bool:
    return 0 <= _float(value) <= 1


def _is_timeout(value: str) -> bool:
    return 0 < _float(value) < math.inf


def _float(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan


def _is_file(value: str) -> bool:
    return Path(value).is_file()


def _are_headers(value: str) -> bool:
    pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
    return all(name.strip() and separator for name, separator, _ in pairs)


@dataclass(frozen=True, slots=True)
class _Check:
    """The check of a variable, and the complaint if the value is not valid."""

    name: str
    is_valid: Callable[[str], bool]
    problem: str
    remedy: str


def _checks() -> Iterator[_Check]:
    url = "not an http:// or https:// URL without user name and password"
    base_url = "Set it to a URL like http://localhost:4318."
    yield _Check(_ENDPOINT, _is_base_endpoint, url, base_url)
    full_url = "Set it to a URL like http://localhost:4318/v1/traces."
    yield _Check(_TRACES_ENDPOINT, _is_endpoint, url, full_url)
    samplers = f"Set it to one of {', '.join(_SAMPLERS)}."
    yield _Check(_SAMPLER, _is_sampler, "not a known sampler", samplers)
    yield _Check(_SAMPLER_ARG, _is_ratio, "not a ratio", "Set it to a number from 0 to 1.")
    for prefix in ("OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"):
        yield _Check(
            name=f"{prefix}PROTOCOL",
            is_valid=_PROTOCOL.__eq__,
            problem="only OTLP over HTTP is supported",
            remedy=f"Set it to {_PROTOCOL}, and the endpoint to the HTTP port of the collector.",
        )
        yield _Check(
            name=f"{prefix}COMPRESSION",
            is_valid=_COMPRESSIONS.__contains__,
            problem="not a known compression",
            remedy=f"Set it to one of {', '.join(_COMPRESSIONS)}.",
        )
        yield _Check(
            name=f"{prefix}TIMEOUT",
            is_valid=_is_timeout,
            problem="not a number of seconds above 0",
            remedy="Set it to a number of seconds.",
        )
        yield _Check(
            name=f"{prefix}HEADERS",
            is_valid=_are_headers,
            problem="not a list of headers",
            remedy="Write name=value,name=value.",
        )
        for file in ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE"):
            yield _Check(
                name=f"{prefix}{file}",
                is_valid=_is_file,
                problem="there is no such file",
                remedy="Set it to the path of a PEM file.",
            )


_CHECKS: Final = tuple(_checks())
