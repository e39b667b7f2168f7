"""Completes the OpenAPI document that FastAPI makes for the application.

Only a server that shows its document imports this module and those that it needs.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute

from backend.entrypoints.http.auth.protection import Protection
from backend.entrypoints.http.openapi.authentication import operations_of
from backend.entrypoints.http.openapi.components import add_components, references
from backend.entrypoints.http.openapi.headers import header_references
from backend.entrypoints.http.openapi.problems import (
    add_codes,
    codes_of,
    complete_problem,
    documented_codes,
)
from backend.entrypoints.http.openapi.protected_app import document_protection
from backend.entrypoints.http.problems.codes import PROBLEM_CODES, SERVER_CODES
from backend.entrypoints.http.problems.problem_details import MEDIA_TYPE

# FastAPI's description of invalid requests. This application answers with problems instead.
_FASTAPI_ERROR: Final = {"$ref": "#/components/schemas/HTTPValidationError"}
_FASTAPI_SCHEMAS: Final = ("HTTPValidationError", "ValidationError")


def complete(document: dict[str, Any], app: FastAPI, protection: Protection) -> None:
    """Complete the document that FastAPI made for the application.

    Args:
        document: The document, which is changed in place.
        app: The application.
        protection: The authentication of the application.
    """
    document_protection(document, app, protection)
    document.setdefault("servers", [{"url": "/"}])
    operation_ids = _operation_ids(app.routes)
    for path, method, operation in operations_of(document):
        operation["operationId"] = operation_ids.get((path, method), operation["operationId"])
        operation.setdefault("security", [])  # public, and not by mistake
        for parameter in operation.get("parameters", []):
            _remove_null(parameter)
        _complete_responses(operation)
    _remove_unused_schemas(document)
    add_components(document)


def _operation_ids(routes: Sequence[BaseRoute]) -> dict[tuple[str, str], str]:
    """Return an id for each path and method: the name of the route, if no other route has it.

    Other routes keep the id of FastAPI, which contains the path.
    """
    names = dict(_names(routes))
    counts = Counter(names.values())
    return {operation: name for operation, name in names.items() if counts[name] == 1}


def _names(routes: Sequence[BaseRoute]) -> Iterator[tuple[tuple[str, str], str]]:
    for route in iter_route_contexts(routes):
        if isinstance(route.original_route, APIRoute) and route.include_in_schema:
            methods = route.methods or ()
            for method in methods:
                name = route.name if len(methods) == 1 else f"{route.name}_{method.lower()}"
                yield (str(route.path_format), method.lower()), str(route.operation_id or name)


def _remove_null(parameter: dict[str, Any]) -> None:
    """Document an optional parameter as FastAPI reads it: it may be absent, but never null."""
    schema = parameter.get("schema", {})
    types = [item for item in schema.get("anyOf", []) if item != {"type": "null"}]
    if len(types) == 1:
        del schema["anyOf"]
        parameter["schema"] = {**types[0], **schema}


def _complete_responses(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    invalid = responses.get("422", {}).get("content", {}).get("application/json", {})
    if invalid.get("schema") == _FASTAPI_ERROR:
        responses["422"] = documented_codes("invalid_request")[422]
    documented = {
        status
        for status, response in responses.items()
        if codes_of(response.get("content", {}).get(MEDIA_TYPE, {}))
    }
    codes = [code for code in SERVER_CODES if str(int(PROBLEM_CODES[code].status)) in documented]
    add_codes(responses, codes)
    for status, response in responses.items():
        if status.isdecimal():
            complete_problem(int(status), response)
        response["headers"] = {**response.get("headers", {}), **header_references("X-Request-ID")}
    operation["responses"] = dict(sorted(responses.items()))


def _remove_unused_schemas(document: dict[str, Any]) -> None:
    schemas = document.get("components", {}).get("schemas", {})
    for name in _FASTAPI_SCHEMAS:
        if f"#/components/schemas/{name}" not in references(document):
            schemas.pop(name, None)
