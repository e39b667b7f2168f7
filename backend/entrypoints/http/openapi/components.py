"""The components of this project that an OpenAPI document refers to."""

from collections.abc import Iterator
from typing import Any

from backend.entrypoints.http.openapi.headers import HEADERS
from backend.entrypoints.http.openapi.problem_schema import ProblemDetails
from backend.entrypoints.http.openapi.problems import example
from backend.entrypoints.http.problems.codes import PROBLEM_CODES


def add_components(document: dict[str, Any]) -> None:
    """Add the components of this project that the document refers to and does not have.

    Args:
        document: An OpenAPI document, which is changed in place.
    """
    components = document.setdefault("components", {})
    missing = _components()
    while names := references(document) & missing.keys():
        for name in sorted(names):
            kind, _, key = name.removeprefix("#/components/").partition("/")
            components.setdefault(kind, {}).setdefault(key, missing.pop(name))


def references(part: Any) -> set[str]:
    """Return all references in a part of a document."""
    return set(_references(part))


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)


def _components() -> dict[str, dict[str, Any]]:
    """Return all components, by the references to them."""
    problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = problem.pop("$defs") | {"ProblemDetails": problem}
    return {
        **{f"#/components/schemas/{name}": schema for name, schema in schemas.items()},
        **{f"#/components/headers/{name}": dict(header) for name, header in HEADERS.items()},
        **{f"#/components/examples/problem.{code}": example(code) for code in PROBLEM_CODES},
    }
