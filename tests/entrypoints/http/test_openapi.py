"""The OpenAPI document is valid and matches the behaviour of the API."""

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from httpx2 import Client

from backend import __version__
from tests.entrypoints.http.conftest import MakeApp, MakeClient

Document = Mapping[str, Any]

# The routes of this project. Routes that you add need no change in these tests.
OWN = ("/api/me", "/api/todos", "/health/")


@pytest.fixture
def document(anonymous: Client) -> Document:
    response = anonymous.get("/openapi.json")
    assert response.status_code == 200
    body: Document = response.json()
    return body


def operations(document: Document) -> dict[str, Document]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def walk(part: Any) -> Iterator[Any]:
    """Return every object in a part of the document."""
    if isinstance(part, dict):
        yield part
        for inner in part.values():
            yield from walk(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from walk(inner)


def resolve(document: Document, reference: str) -> Any:
    """Return the object that a reference points to."""
    start, *steps = reference.split("/")
    assert start == "#"
    part: Any = document
    for step in steps:
        part = part[step]
    return part


def test_the_document_lists_the_api_and_nothing_else(document: Document) -> None:
    added = {name for name in operations(document) if not name.partition(" ")[2].startswith(OWN)}
    assert all(name.partition(" ")[2].startswith("/api/") for name in added)
    assert set(operations(document)) - added == {
        "GET /api/me",
        "DELETE /api/me",
        "GET /api/me/export",
        "GET /api/todos",
        "POST /api/todos",
        "GET /api/todos/{todo_id}",
        "PATCH /api/todos/{todo_id}",
        "DELETE /api/todos/{todo_id}",
        "GET /health/live",
        "GET /health/ready",
    }
    assert document["openapi"].startswith("3.1")


def test_the_document_has_the_version_of_the_package(document: Document) -> None:
    assert document["info"]["version"] == __version__


def test_references_resolve_and_every_component_is_used(document: Document) -> None:
    references = {part["$ref"] for part in walk(document) if "$ref" in part}
    for reference in references:
        assert isinstance(resolve(document, reference), dict)
    components = {
        f"#/components/{kind}/{name}"
        for kind, parts in document["components"].items()
        for name in parts
        if kind != "securitySchemes"
    }
    assert components == references


def test_schemas_are_valid_json_schema(document: Document) -> None:
    kinds = {"string", "integer", "number", "boolean", "array", "object", "null"}
    for schema in walk(document["components"]["schemas"]):
        if isinstance(schema.get("type"), str):
            assert schema["type"] in kinds
        assert set(schema.get("required", ())) <= set(schema.get("properties", ()))


def test_operation_ids_are_unique(document: Document) -> None:
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(names) == len(set(names))
    assert all(operation["summary"] for operation in operations(document).values())


def test_api_operations_need_a_bearer_token(document: Document) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes == {
        "Bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A JWT of the configured issuer.",
        }
    }
    for name, operation in operations(document).items():
        required = operation.get("security", [])
        assert required == ([{"Bearer": []}] if " /api/" in name else []), name


ERRORS = {
    "GET /api/me": {401, 503},
    "DELETE /api/me": {401, 503},
    "GET /api/me/export": {401, 503},
    "GET /api/todos": {401, 422, 503},
    "POST /api/todos": {400, 401, 409, 413, 422, 503},
    "GET /api/todos/{todo_id}": {401, 404, 422, 503},
    "PATCH /api/todos/{todo_id}": {400, 401, 404, 412, 413, 422, 503},
    "DELETE /api/todos/{todo_id}": {401, 404, 412, 422, 503},
}


@pytest.mark.parametrize(("name", "statuses"), ERRORS.items())
def test_errors_are_documented_as_problems(
    document: Document, name: str, statuses: set[int]
) -> None:
    responses = operations(document)[name]["responses"]
    errors = {status: response for status, response in responses.items() if int(status) >= 400}
    assert set(errors) == {str(status) for status in statuses}
    for response in errors.values():
        assert response["description"]
        (kind,) = response["content"]
        assert kind == "application/problem+json"
        problem, restriction = response["content"][kind]["schema"]["allOf"]
        assert problem == {"$ref": "#/components/schemas/ProblemDetails"}
        assert restriction["properties"]["code"]["enum"]


SUCCESSES = {
    "GET /api/me": ("200", "PrincipalResponse"),
    "GET /api/todos": ("200", "TodoPageResponse"),
    "POST /api/todos": ("201", "TodoResponse"),
    "GET /api/todos/{todo_id}": ("200", "TodoResponse"),
    "PATCH /api/todos/{todo_id}": ("200", "TodoResponse"),
}


@pytest.mark.parametrize(("name", "status", "model"), [(k, *v) for k, v in SUCCESSES.items()])
def test_successful_responses_are_documented_with_their_schema(
    document: Document, name: str, status: str, model: str
) -> None:
    (content,) = operations(document)[name]["responses"][status]["content"].items()
    assert content == (
        "application/json",
        {"schema": {"$ref": f"#/components/schemas/{model}"}},
    )


def test_every_status_in_use_is_documented(document: Document, ada: Client) -> None:
    created = ada.post("/api/todos", json={"title": "x"})
    path, json = created.headers["Location"], {"Content-Type": "application/json"}
    mismatch = {"If-Match": '"another"'}
    responses = {
        "GET /api/me": [ada.get("/api/me")],
        "GET /api/me/export": [ada.get("/api/me/export")],
        "GET /api/todos": [ada.get("/api/todos"), ada.get("/api/todos?limit=0")],
        "POST /api/todos": [
            created,
            ada.post("/api/todos", content=b"\xff", headers=json),
            ada.post("/api/todos", content=b" " * 65_537, headers=json),
            ada.post("/api/todos", json={}),
        ],
        "GET /api/todos/{todo_id}": [
            ada.get(path),
            ada.get(path, headers={"If-None-Match": created.headers["ETag"]}),
            ada.get(path[:-1]),
        ],
        "PATCH /api/todos/{todo_id}": [
            ada.patch(path, json={"title": "y"}),
            ada.patch(path, json={"title": "z"}, headers=mismatch),
            ada.patch(path, content=b"\xff", headers=json),
        ],
        "DELETE /api/todos/{todo_id}": [ada.delete(path, headers=mismatch), ada.delete(path)],
        "DELETE /api/me": [ada.delete("/api/me")],
    }
    for name, received in responses.items():
        documented = operations(document)[name]["responses"]
        assert {str(response.status_code) for response in received} <= set(documented), name
    statuses = {response.status_code for received in responses.values() for response in received}
    assert statuses == {200, 201, 204, 304, 400, 412, 413, 422}


def test_problems_match_their_schema(document: Document, ada: Client) -> None:
    described = document["components"]["schemas"]["ProblemDetails"]
    responses = [ada.get("/api/nothing").json(), ada.get("/api/todos?limit=0").json()]
    for problem in responses:
        assert set(problem) <= set(described["properties"])
        assert set(described["required"]) <= set(problem)
    for error in responses[1]["errors"]:
        assert set(error) == set(document["components"]["schemas"]["FieldProblem"]["properties"])


def test_todos_match_their_schema(document: Document, ada: Client) -> None:
    described = document["components"]["schemas"]["TodoResponse"]["properties"]
    created = ada.post("/api/todos", json={"title": "x"}).json()
    assert set(created) == set(described)
    limits = document["components"]["schemas"]["NewTodo"]["properties"]["title"]
    assert (limits["minLength"], limits["maxLength"]) == (1, 200)


def test_the_patterns_of_texts_are_the_rules_of_the_domain(document: Document) -> None:
    members = document["components"]["schemas"]["NewTodo"]["properties"]
    text, _ = members["description"]["anyOf"]
    parameters = operations(document)["GET /api/todos"]["parameters"]
    (search,) = [parameter["schema"] for parameter in parameters if parameter["name"] == "q"]
    assert search["pattern"] == text["pattern"]
    characters = [chr(code) for code in range(sys.maxunicode + 1)]
    refused = [item for item in characters if not re.search(text["pattern"], item)]
    assert refused == ["\0"]
    title = re.compile(members["title"]["pattern"])
    refused = [item for item in characters if not title.search(item)]
    assert refused == [item for item in characters if item == "\0" or not item.strip()]
    assert title.search(" a ")
    assert not title.search("a\0")


def test_the_document_does_not_change_between_requests(anonymous: Client) -> None:
    assert anonymous.get("/openapi.json").json() == anonymous.get("/openapi.json").json()


def test_the_document_is_serialised_once(
    app: Any, anonymous: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = anonymous.get("/openapi.json").content

    def fail(*_: object) -> None:
        raise AssertionError("the document is serialised again")

    monkeypatch.setattr("starlette.responses.JSONResponse.render", fail)
    assert anonymous.get("/openapi.json").content == expected
    assert app.openapi() is app.openapi()


def test_the_document_shows_routes_that_are_added_later(
    make_app: MakeApp, make_client: MakeClient
) -> None:
    app = make_app()
    client = make_client(app)
    before = client.get("/openapi.json").json()

    @app.get("/later")
    async def later() -> str:
        return "later"

    after = client.get("/openapi.json").json()
    assert "/later" not in before["paths"]
    assert "/later" in after["paths"]
    assert "ProblemDetails" in after["components"]["schemas"]


def test_docs_shows_the_document(anonymous: Client) -> None:
    response = anonymous.get("/docs")
    assert response.headers["Content-Type"].startswith("text/html")
    script = re.search(r'src="(docs/\w+/documentation\.js)"', response.text)
    assert script
    assert 'url: "openapi.json"' in anonymous.get(f"/{script[1]}").text


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/docs/oauth2-redirect"])
@pytest.mark.parametrize("docs", [False, None])
def test_docs_are_off_unless_a_setting_turns_them_on(
    make_app: MakeApp, make_client: MakeClient, path: str, docs: bool | None
) -> None:
    client = make_client(make_app(docs=docs))
    assert client.get(path).status_code == 404
    assert client.get("/health/live").status_code == 200
