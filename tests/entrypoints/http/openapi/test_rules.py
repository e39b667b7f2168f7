"""The rules that the OpenAPI document follows."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi import APIRouter, FastAPI
from httpx2 import Client, Response

from backend.domain.auth import VerifierUnavailableError
from backend.entrypoints.http.auth.dependencies import CurrentPrincipal
from backend.entrypoints.http.auth.protected_route import ProtectedRoute
from backend.entrypoints.http.openapi.error_responses import documented
from backend.entrypoints.http.openapi.problems import documented_codes
from backend.entrypoints.http.problems.codes import PROBLEM_CODES
from backend.testing import FakeTokenVerifier
from tests.documents import table_rows
from tests.entrypoints.http.conftest import MakeApp

Document = Mapping[str, Any]

PROBLEM: Final = "application/problem+json"
METHODS: Final = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}


@pytest.fixture
def document(app: FastAPI) -> Document:
    return app.openapi()


@pytest.fixture
def extended_app(make_app: MakeApp) -> FastAPI:
    """An app with routes of an adopter, who documents as little as possible."""
    app = make_app()
    labels = APIRouter(prefix="/api/labels", route_class=ProtectedRoute)

    @labels.get("")
    async def list_labels(principal: CurrentPrincipal, limit: int | None = None) -> list[str]:
        return [principal.user_id] * (limit or 1)

    @labels.get("/{label_id}", responses=documented(404))
    async def read(principal: CurrentPrincipal, label_id: int) -> str:
        return f"{principal.user_id} {label_id}"

    @labels.delete("/{label_id}", name="read")
    async def remove(principal: CurrentPrincipal, label_id: int) -> str:
        return f"{principal.user_id} {label_id}"

    @labels.post("", operation_id="writeLabel")
    async def write(principal: CurrentPrincipal) -> str:
        return principal.user_id

    app.include_router(labels)
    return app


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield f"{method.upper()} {path}", path, item[method]


def responses(document: Document) -> Iterator[tuple[str, int, Document]]:
    for name, _, operation in operations(document):
        for status, response in operation["responses"].items():
            yield f"{name} {status}", int(status), response


def examples(document: Document) -> Iterator[tuple[str, int, str, Document]]:
    """Return each example of a problem: its place, the status, its name, and its value."""
    for name, status, response in responses(document):
        content = response.get("content", {}).get(PROBLEM)
        for code, reference in content.get("examples", {}).items() if content else ():
            component = reference["$ref"].removeprefix("#/components/examples/")
            yield name, status, code, document["components"]["examples"][component]["value"]
        if content and "example" in content:
            yield name, status, content["example"]["code"], content["example"]


def enumerated_responses(document: Document) -> Iterator[tuple[str, int, Document]]:
    """Return the errors of this project's routes. Routes of adopters may have any code."""
    for name, status, response in responses(document):
        if status >= 400 and re.search(r" /api/(me|todos)\b", name):
            yield name, status, response


def codes_of(response: Document) -> list[str]:
    restriction = response["content"][PROBLEM]["schema"]["allOf"][1]
    codes: list[str] = restriction["properties"]["code"]["enum"]
    return codes


def test_every_operation_has_a_tag_a_summary_and_a_description(document: Document) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for name, _, operation in operations(document):
        assert set(operation["tags"]) <= tags, name
        assert len(operation["tags"]) == 1, name
        assert operation["summary"], name
        assert operation["description"], name


def test_every_operation_id_is_the_name_of_its_endpoint(document: Document) -> None:
    ids = {name: operation["operationId"] for name, _, operation in operations(document)}
    assert len(set(ids.values())) == len(ids)
    assert ids["GET /api/todos"] == "list_todos"
    assert ids["PATCH /api/todos/{todo_id}"] == "change_todo"
    for name, path, operation in operations(document):
        flat = re.sub(r"\W", "_", path)
        assert flat not in operation["operationId"], name


def test_routes_of_an_adopter_get_ids_without_the_path_too(extended_app: FastAPI) -> None:
    ids = {
        name: operation["operationId"] for name, _, operation in operations(extended_app.openapi())
    }
    assert ids["GET /api/labels"] == "list_labels"
    assert ids["POST /api/labels"] == "writeLabel"


def test_routes_with_the_same_name_keep_unique_ids(extended_app: FastAPI) -> None:
    ids = {
        name: operation["operationId"] for name, _, operation in operations(extended_app.openapi())
    }
    assert len(set(ids.values())) == len(ids)
    assert ids["GET /api/labels/{label_id}"] == "read_api_labels__label_id__get"


def test_every_error_is_a_problem_with_an_enumeration_of_codes(document: Document) -> None:
    for name, status, response in enumerated_responses(document):
        assert list(response["content"]) == [PROBLEM], name
        for code in codes_of(response):
            assert PROBLEM_CODES[code].status == status, (name, code)


def test_the_examples_of_an_error_have_its_status_and_codes(document: Document) -> None:
    found = list(examples(document))
    assert len(found) > 30
    for name, status, code, value in found:
        assert value["status"] == status, name
        assert value["title"] == HTTPStatus(status).phrase, name
        assert value["code"] == code, name
    for name, _, response in enumerated_responses(document):
        assert list(response["content"][PROBLEM]["examples"]) == codes_of(response), name


def test_the_examples_of_an_adopters_errors_have_their_status(extended_app: FastAPI) -> None:
    found = [
        (status, value)
        for name, status, _, value in examples(extended_app.openapi())
        if name.startswith("GET /api/labels/{label_id} 404")
    ]
    assert [(status, value["status"]) for status, value in found] == [(404, 404)]


def test_no_schema_has_an_example_of_a_status(document: Document) -> None:
    problem = document["components"]["schemas"]["ProblemDetails"]["properties"]
    assert "examples" not in problem["status"]


def test_the_documentation_explains_the_same_codes() -> None:
    rows = [row for row in table_rows(Path("docs/errors.md")) if row[0].isdecimal()]
    explained = {(int(row[0]), code) for row in rows for code in re.findall(r"`(\w+)`", row[1])}
    known = {(int(code.status), name) for name, code in PROBLEM_CODES.items()}
    # These belong to no response of a documented operation.
    others = {(500, "internal_error"), (401, "unauthorized")}
    others |= {(400, "malformed_handshake"), (503, "too_many_websockets")}
    assert explained - known <= others
    assert known <= explained


CODES: Final = {
    "GET /api/me 503": {"verifier_unavailable", "shutting_down", "too_many_connections"},
    "DELETE /api/me 503": {
        *("verifier_unavailable", "database_unavailable"),
        *("shutting_down", "too_many_connections"),
    },
    "GET /api/todos 503": {
        *("verifier_unavailable", "database_unavailable", "search_timeout"),
        *("shutting_down", "too_many_connections"),
    },
    "POST /api/todos 401": {
        *("missing_token", "malformed_authorization", "token_expired", "invalid_token")
    },
    "POST /api/todos 409": {"todo_limit_reached"},
    "POST /api/todos 413": {"content_too_large"},
    "POST /api/todos 422": {"invalid_request", "idempotency_key_reused"},
    "GET /api/todos/{todo_id} 404": {"todo_not_found"},
    "GET /api/todos/{todo_id} 422": {"invalid_request"},
    "DELETE /api/todos/{todo_id} 412": {"precondition_failed"},
}


@pytest.mark.parametrize(("name", "codes"), CODES.items())
def test_a_response_lists_the_codes_that_its_route_answers_with(
    document: Document, name: str, codes: set[str]
) -> None:
    found = {place: response for place, _, response in responses(document)}
    assert set(codes_of(found[name])) == codes


def test_an_origin_is_rejected_only_where_session_cookies_are_accepted(
    document: Document, make_app: MakeApp
) -> None:
    app = make_app(better_auth_url="https://auth.example.com", auth_cookie="compact")
    found = {place: response for place, _, response in responses(app.openapi())}
    guarded = [name for name, _, operation in operations(document) if operation["security"]]
    for name in guarded:
        assert codes_of(found[f"{name} 403"]) == ["origin_not_allowed"]
    assert [place for place, status, _ in responses(document) if status == 403] == []


HEADERS: Final = {
    "GET /api/me/export 200": {"Content-Disposition"},
    "POST /api/todos 201": {"ETag", "Location", "Idempotency-Replayed"},
    "GET /api/todos/{todo_id} 200": {"ETag"},
    "GET /api/todos/{todo_id} 304": {"ETag"},
    "PATCH /api/todos/{todo_id} 200": {"ETag"},
    "GET /api/me 401": {"WWW-Authenticate"},
    "GET /api/me 503": {"Retry-After"},
}

# These headers are for browsers and caches, not for programs.
SENT_BY_EVERY_ROUTE: Final = {
    *("cache-control", "content-length", "content-type", "cross-origin-resource-policy"),
    *("vary", "x-content-type-options"),
}


def test_every_response_documents_its_headers(document: Document) -> None:
    statuses = {401: {"WWW-Authenticate"}, 503: {"Retry-After"}}
    for name, status, response in responses(document):
        expected = {"X-Request-ID"} | HEADERS.get(name, set())
        if PROBLEM in response.get("content", {}):
            expected |= statuses.get(status, set())
        assert set(response["headers"]) == expected, name


def test_a_405_documents_the_allow_header(make_app: MakeApp) -> None:
    app = make_app()

    @app.get("/once", responses=documented_codes("method_not_allowed"))
    async def once() -> None: ...

    response = app.openapi()["paths"]["/once"]["get"]["responses"]["405"]
    assert set(response["headers"]) == {"Allow", "X-Request-ID"}


def test_the_headers_of_answers_are_the_documented_headers(document: Document, ada: Client) -> None:
    made = ada.post("/api/todos", json={"title": "x"})
    path = made.headers["Location"]
    sent = {
        "POST /api/todos 201": made,
        "GET /api/todos/{todo_id} 200": ada.get(path),
        "GET /api/todos/{todo_id} 304": ada.get(path, headers={"If-None-Match": '"1"'}),
        "PATCH /api/todos/{todo_id} 200": ada.patch(path, json={}),
        "GET /api/me 401": ada.get("/api/me", headers={"Authorization": "Basic x"}),
        "DELETE /api/todos/{todo_id} 204": ada.delete(path),
        "GET /api/me/export 200": ada.get("/api/me/export"),
        "DELETE /api/me 204": ada.delete("/api/me"),
    }
    found = {place: response for place, _, response in responses(document)}
    for name, response in sent.items():
        documented_names = {header.lower() for header in found[name]["headers"]}
        expected = documented_names - {"idempotency-replayed"}
        assert set(response.headers) - SENT_BY_EVERY_ROUTE == expected, name


def test_the_example_of_a_code_is_what_the_api_answers(
    document: Document, ada: Client, anonymous: Client, verifier: FakeTokenVerifier
) -> None:
    path = ada.post("/api/todos", json={"title": "x"}).headers["Location"]
    key, json = {"Idempotency-Key": "k"}, {"Content-Type": "application/json"}
    ada.post("/api/todos", json={"title": "x"}, headers=key)
    answers: list[Response] = [
        anonymous.get("/api/me"),
        anonymous.get("/api/me", headers={"Authorization": "Basic x"}),
        anonymous.get("/api/me", headers={"Authorization": "Bearer unknown"}),
        anonymous.get("/nothing"),
        anonymous.post("/api/me"),
        ada.get(f"{path[:-12]}{'0' * 12}"),
        ada.post("/api/todos", content=b"\xff", headers=json),
        ada.post("/api/todos", content=b" " * 70_000, headers=json),
        ada.post("/api/todos", json={"title": "y"}, headers=key),
        ada.post("/api/todos", json={"title": "x" * 201}),
        ada.patch(path, json={"title": "z"}, headers={"If-Match": '"9"'}),
    ]
    verifier.known["ada"] = VerifierUnavailableError("the issuer is down")
    answers.append(ada.get("/api/me"))
    for answer in answers:
        problem = answer.json()
        code = PROBLEM_CODES[problem["code"]]
        assert (answer.status_code, problem["detail"]) == (code.status, code.detail)
        assert problem.get("errors", []) == list(code.errors)
    codes = {answer.json()["code"] for answer in answers}
    assert len(codes) == len(answers)


def test_conditional_headers_are_strings(document: Document) -> None:
    parameters = [
        parameter
        for _, _, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if parameter["name"] in {"If-Match", "If-None-Match"}
    ]
    assert len(parameters) == 3
    for parameter in parameters:
        assert parameter["schema"]["type"] == "string"
        assert parameter["required"] is False


def test_no_parameter_can_be_null(extended_app: FastAPI) -> None:
    for name, _, operation in operations(extended_app.openapi()):
        for parameter in operation.get("parameters", []):
            assert "null" not in str(parameter["schema"]), (name, parameter["name"])


def test_a_caller_must_send_only_what_has_no_default(document: Document) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["NewTodo"]["required"] == ["title"]
    assert "required" not in schemas["TodoChanges"]
    for name in ("NewTodo", "TodoChanges"):
        # Generators make a member with a default required.
        for member in schemas[name]["properties"].values():
            assert "default" not in member


def test_members_that_every_response_has_are_required(document: Document) -> None:
    schemas = document["components"]["schemas"]
    for name in ("Health", "TodoResponse", "TodoPageResponse", "PrincipalResponse"):
        assert set(schemas[name]["required"]) == set(schemas[name]["properties"]), name
    optional = {
        "Readiness": {"keys", "issuers"},
        "KeySetResponse": {"age", "attempted", "error"},
    }
    for name, members in optional.items():
        assert set(schemas[name]["properties"]) - set(schemas[name]["required"]) == members
    problem = schemas["ProblemDetails"]
    assert set(problem["properties"]) - set(problem["required"]) == {"errors"}


def test_invalid_requests_are_problems_on_routes_of_an_adopter_too(extended_app: FastAPI) -> None:
    document = extended_app.openapi()
    response = document["paths"]["/api/labels"]["get"]["responses"]["422"]
    assert list(response["content"]) == [PROBLEM]
    assert codes_of(response) == ["invalid_request"]
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])


def test_public_operations_state_that_they_need_no_credentials(document: Document) -> None:
    for name, path, operation in operations(document):
        assert bool(operation["security"]) is path.startswith("/api/"), name


def test_the_health_checks_match_their_schemas(document: Document, anonymous: Client) -> None:
    live, ready = (anonymous.get(f"/health/{name}").json() for name in ("live", "ready"))
    schemas = document["components"]["schemas"]
    for answer, name in ((live, "Health"), (ready, "Readiness")):
        assert set(schemas[name]["required"]) <= set(answer) <= set(schemas[name]["properties"])
