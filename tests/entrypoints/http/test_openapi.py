"""The document describes the API as it is: valid, guarded, and with its errors."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from httpx2 import Client

from tests.entrypoints.http.conftest import MakeApp, MakeClient

Document = Mapping[str, Any]

# What the API is shipped with: whoever adds a route to it has nothing to change here.
OURS = ("/api/me", "/api/todos", "/health/")


@pytest.fixture
def document(anyone: Client) -> Document:
    answer = anyone.get("/openapi.json")
    assert answer.status_code == 200
    said: Document = answer.json()
    return said


def operations(document: Document) -> dict[str, Document]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def walk(part: Any) -> Iterator[Any]:
    """Return every object within a part of the document."""
    if isinstance(part, dict):
        yield part
        for inner in part.values():
            yield from walk(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from walk(inner)


def followed(document: Document, reference: str) -> Any:
    """Return what a reference points to."""
    start, *steps = reference.split("/")
    assert start == "#"
    found: Any = document
    for step in steps:
        found = found[step]
    return found


def test_it_lists_the_api_and_nothing_else(document: Document) -> None:
    added = {one for one in operations(document) if not one.partition(" ")[2].startswith(OURS)}
    assert all(one.partition(" ")[2].startswith("/api/") for one in added)
    assert set(operations(document)) - added == {
        "GET /api/me",
        "GET /api/todos",
        "POST /api/todos",
        "GET /api/todos/{todo_id}",
        "PATCH /api/todos/{todo_id}",
        "DELETE /api/todos/{todo_id}",
        "GET /health/live",
        "GET /health/ready",
    }
    assert document["openapi"].startswith("3.1")


def test_every_reference_leads_somewhere_and_every_schema_is_used(document: Document) -> None:
    references = {part["$ref"] for part in walk(document) if "$ref" in part}
    for reference in references:
        assert isinstance(followed(document, reference), dict)
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert schemas == references


def test_it_knows_the_shapes_of_json_schema(document: Document) -> None:
    kinds = {"string", "integer", "number", "boolean", "array", "object", "null"}
    for schema in walk(document["components"]["schemas"]):
        if isinstance(schema.get("type"), str):
            assert schema["type"] in kinds
        assert set(schema.get("required", ())) <= set(schema.get("properties", ()))


def test_operations_have_names_of_their_own(document: Document) -> None:
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(names) == len(set(names))
    assert all(operation["summary"] for operation in operations(document).values())


def test_the_api_is_for_bearers_of_a_jwt(document: Document) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes == {
        "Bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A JWT that Better Auth issued.",
        }
    }
    for name, operation in operations(document).items():
        required = operation.get("security", [])
        assert required == ([{"Bearer": []}] if " /api/" in name else []), name


ERRORS = {
    "GET /api/me": {401, 503},
    "GET /api/todos": {401, 422, 503},
    "POST /api/todos": {400, 401, 403, 413, 422, 503},
    "GET /api/todos/{todo_id}": {401, 404, 422, 503},
    "PATCH /api/todos/{todo_id}": {400, 401, 403, 404, 412, 413, 422, 503},
    "DELETE /api/todos/{todo_id}": {401, 403, 404, 412, 422, 503},
}


@pytest.mark.parametrize(("name", "statuses"), ERRORS.items())
def test_errors_are_documented_as_problems(
    document: Document, name: str, statuses: set[int]
) -> None:
    responses = operations(document)[name]["responses"]
    errors = {status: said for status, said in responses.items() if int(status) >= 400}
    assert set(errors) == {str(status) for status in statuses}
    for response in errors.values():
        assert response["description"]
        (kind,) = response["content"]
        assert kind == "application/problem+json"
        schema = response["content"][kind]["schema"]
        assert schema == {"$ref": "#/components/schemas/ProblemDetails"}


ANSWERS = {
    "GET /api/me": ("200", "PrincipalResponse"),
    "GET /api/todos": ("200", "TodoPageResponse"),
    "POST /api/todos": ("201", "TodoResponse"),
    "GET /api/todos/{todo_id}": ("200", "TodoResponse"),
    "PATCH /api/todos/{todo_id}": ("200", "TodoResponse"),
}


@pytest.mark.parametrize(("name", "status", "model"), [(k, *v) for k, v in ANSWERS.items()])
def test_answers_are_documented_with_their_shape(
    document: Document, name: str, status: str, model: str
) -> None:
    (content,) = operations(document)[name]["responses"][status]["content"].items()
    assert content == (
        "application/json",
        {"schema": {"$ref": f"#/components/schemas/{model}"}},
    )


def test_what_is_answered_is_documented(document: Document, ada: Client) -> None:
    made = ada.post("/api/todos", json={"title": "x"})
    one, json = made.headers["Location"], {"Content-Type": "application/json"}
    another = {"If-Match": '"another"'}
    answers = {
        "GET /api/me": [ada.get("/api/me")],
        "GET /api/todos": [ada.get("/api/todos"), ada.get("/api/todos?limit=0")],
        "POST /api/todos": [
            made,
            ada.post("/api/todos", content=b"\xff", headers=json),
            ada.post("/api/todos", content=b" " * 65_537, headers=json),
            ada.post("/api/todos", json={}),
        ],
        "GET /api/todos/{todo_id}": [
            ada.get(one),
            ada.get(one, headers={"If-None-Match": made.headers["ETag"]}),
            ada.get(one[:-1]),
        ],
        "PATCH /api/todos/{todo_id}": [
            ada.patch(one, json={"title": "y"}),
            ada.patch(one, json={"title": "z"}, headers=another),
            ada.patch(one, content=b"\xff", headers=json),
        ],
        "DELETE /api/todos/{todo_id}": [ada.delete(one, headers=another), ada.delete(one)],
    }
    for name, given in answers.items():
        documented = operations(document)[name]["responses"]
        assert {str(answer.status_code) for answer in given} <= set(documented), name
    statuses = {answer.status_code for given in answers.values() for answer in given}
    assert statuses == {200, 201, 204, 304, 400, 412, 413, 422}


def test_problems_are_described_as_they_are(document: Document, ada: Client) -> None:
    described = document["components"]["schemas"]["ProblemDetails"]
    answers = [ada.get("/api/nothing").json(), ada.get("/api/todos?limit=0").json()]
    for said in answers:
        assert set(said) <= set(described["properties"])
        assert set(described["required"]) <= set(said)
    for error in answers[1]["errors"]:
        assert set(error) == set(document["components"]["schemas"]["FieldProblem"]["properties"])


def test_todos_are_described_as_they_are(document: Document, ada: Client) -> None:
    described = document["components"]["schemas"]["TodoResponse"]["properties"]
    made = ada.post("/api/todos", json={"title": "x"}).json()
    assert set(made) == set(described)
    limits = document["components"]["schemas"]["NewTodo"]["properties"]["title"]
    assert (limits["minLength"], limits["maxLength"]) == (1, 200)


def test_the_document_is_the_same_every_time(anyone: Client) -> None:
    assert anyone.get("/openapi.json").json() == anyone.get("/openapi.json").json()


def test_there_is_a_page_to_read_it(anyone: Client) -> None:
    answer = anyone.get("/docs")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "/openapi.json" in answer.text


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/docs/oauth2-redirect"])
def test_without_docs_there_is_nothing_to_read(
    make_app: MakeApp, make_client: MakeClient, path: str
) -> None:
    client = make_client(make_app(docs=False))
    assert client.get(path).status_code == 404
    assert client.get("/health/live").status_code == 200
