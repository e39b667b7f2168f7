"""Several worker processes behave like a single server."""

from tests.e2e.backend import bearer
from tests.e2e.better_auth import Issuer
from tests.e2e.processes import connect
from tests.e2e.servers import Servers


def test_a_todo_is_visible_at_every_worker_at_once(servers: Servers, issuer: Issuer) -> None:
    backend = servers.backend(BETTER_AUTH_URL=issuer.url, WORKERS="2")
    headers = bearer(issuer.sign_up().token())
    titles: set[str] = set()

    for number in range(10):  # each with a new connection; the kernel distributes them
        titles.add(f"Todo {number}")
        with connect(backend.url, **headers) as api:
            created = api.post("/api/todos", json={"title": f"Todo {number}"})
            listed = api.get("/api/todos").json()["items"]
        assert created.status_code == 201, created.text
        assert {todo["title"] for todo in listed} == titles
