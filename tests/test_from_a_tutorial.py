"""docs/from-a-tutorial.md: its routes work as written, on a copy of the project."""

from pathlib import Path
from typing import Final

import pytest

from tests.documents import blocks, table_rows
from tests.howto import check_types, perform, run

PAGE: Final = Path("docs/from-a-tutorial.md")
ROUTE: Final = "backend/entrypoints/http/old_tasks.py"

PROGRAM: Final = """
from fastapi.testclient import TestClient

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.entrypoints.http.app import create_app
from backend.settings import Settings
from backend.testing import FakeTokenVerifier, bearer, principal

verifier = FakeTokenVerifier({"ada": principal("ada"), "bob": principal("bob")})
container = Container(
    settings=Settings(), token_verifier=verifier, database=InMemoryDatabase()
)
ada, bob = bearer("ada"), bearer("bob")
with TestClient(create_app(container)) as client:
    todo = client.post("/api/todos", headers=ada, json={"title": "Buy milk"}).json()
    complete = f"/api/ada/tasks/{todo['id']}/complete"
    assert client.get("/api/ada/tasks", headers=ada).json() == [todo]
    assert client.get("/api/ada/tasks", headers=bob).status_code == 404
    assert client.get("/api/bob/tasks", headers=bob).json() == []
    assert client.get("/api/ada/tasks").status_code == 401
    assert client.patch(complete, headers=bob).status_code == 404
    assert client.patch(complete.replace("ada", "bob"), headers=bob).status_code == 404
    assert client.patch(complete, headers=ada).json()["completed"] is True
    assert client.patch(complete, headers=ada).json()["completed"] is True
    document = client.app.openapi()
    assert document["paths"]["/api/{user_id}/tasks"]["get"]["deprecated"]
    for method, path in ROUTES:
        assert method in document["paths"][path], path
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the routes that the page adds."""
    return perform(PAGE, tmp_path_factory.mktemp("project"))


def test_old_paths_work_for_the_caller_that_they_name(project: Path) -> None:
    new = [row[1].strip("`").split() for row in table_rows(PAGE) if "/api/todos" in row[1]]
    routes = [(method.lower(), path.replace("{id}", "{todo_id}")) for method, path in new]
    assert len(routes) == 6
    (project / "old_paths.py").write_text(f"ROUTES = {routes}\n{PROGRAM}", "utf-8")
    run(project, "old_paths")


def test_the_linter_and_strict_types_accept_the_routes(project: Path) -> None:
    assert list(blocks("python", PAGE)) == [ROUTE]
    run(project, "ruff", "check", "--no-cache", ROUTE)
    run(project, "ruff", "format", "--check", "--no-cache", ROUTE)
    check_types(project, ROUTE)
