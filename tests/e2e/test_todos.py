"""Two users, one server: each has their own todos, and cannot touch the other's."""

from tests.e2e.backend import Backend, bearer
from tests.e2e.better_auth import Issuer


def test_two_users_see_and_change_only_their_own_todos(backend: Backend, issuer: Issuer) -> None:
    api = backend.client
    ada, bob = (bearer(issuer.sign_up(name).token()) for name in ("Ada", "Bob"))
    created = {
        title: api.post("/api/todos", json={"title": title}, headers=owner)
        for title, owner in (("Ada's", ada), ("Bob's", bob))
    }
    assert {answer.status_code for answer in created.values()} == {201}
    of_ada, of_bob = (answer.json() for answer in created.values())

    for owner, own, foreign in ((ada, of_ada, of_bob), (bob, of_bob, of_ada)):
        listed = api.get("/api/todos", headers=owner).json()
        assert listed["items"] == [own]
        assert api.get(f"/api/todos/{own['id']}", headers=owner).json() == own

        theirs = f"/api/todos/{foreign['id']}"
        assert api.get(theirs, headers=owner).status_code == 404
        assert api.patch(theirs, json={"title": "Mine"}, headers=owner).status_code == 404
        assert api.delete(theirs, headers=owner).status_code == 404

    assert api.get(f"/api/todos/{of_ada['id']}", headers=ada).json() == of_ada
    assert api.get(f"/api/todos/{of_bob['id']}", headers=bob).json() == of_bob


def test_a_user_creates_completes_and_deletes_a_todo(backend: Backend, issuer: Issuer) -> None:
    api = backend.client
    owner = bearer(issuer.sign_up().token())

    created = api.post("/api/todos", json={"title": "Write it down"}, headers=owner)
    todo = f"/api/todos/{created.json()['id']}"
    changed = api.patch(todo, json={"completed": True}, headers=owner)
    read = api.get(todo, headers=owner)
    deleted = api.delete(todo, headers=owner)

    assert (created.status_code, created.json()["completed"]) == (201, False)
    assert (changed.status_code, changed.json()["completed"]) == (200, True)
    assert read.json() == changed.json()
    assert deleted.status_code == 204
    assert api.get(todo, headers=owner).status_code == 404
    assert api.get("/api/todos", headers=owner).json()["items"] == []
