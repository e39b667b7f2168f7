"""Several worker processes behave as one server."""

from tests.e2e.backend import bearer
from tests.e2e.better_auth import Issuer
from tests.e2e.processes import connect
from tests.e2e.servers import Servers


def test_what_one_worker_has_stored_every_worker_serves(servers: Servers, issuer: Issuer) -> None:
    backend = servers.backend(BETTER_AUTH_URL=issuer.url, WORKERS="2")
    owner = bearer(issuer.sign_up().token())
    titles: set[str] = set()

    for number in range(10):  # a connection each, which the kernel deals out to the workers
        titles.add(f"Todo {number}")
        with connect(backend.url, **owner) as api:
            created = api.post("/api/todos", json={"title": f"Todo {number}"})
            listed = api.get("/api/todos").json()["items"]
        assert created.status_code == 201, created.text
        assert {todo["title"] for todo in listed} == titles
