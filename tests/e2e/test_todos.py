"""Each user sees and changes only their own todos."""

from tests.e2e.backend import Backend, bearer
from tests.e2e.better_auth import Issuer


def test_two_users_see_and_change_only_their_own_todos(backend: Backend, issuer: Issuer) -> None:
    api = backend.client
    ada, bob = (bearer(issuer.sign_up(name).token()) for name in ("Ada", "Bob"))
    created = {
        title: api.post("/api/todos", json={"title": title}, headers=headers)
        for title, headers in (("Ada's", ada), ("Bob's", bob))
    }
    assert {response.status_code for response in created.values()} == {201}
    ada_todo, bob_todo = (response.json() for response in created.values())

    for headers, own, other in ((ada, ada_todo, bob_todo), (bob, bob_todo, ada_todo)):
        listed = api.get("/api/todos", headers=headers).json()
        assert listed["items"] == [own]
        assert api.get(f"/api/todos/{own['id']}", headers=headers).json() == own

        other_url = f"/api/todos/{other['id']}"
        assert api.get(other_url, headers=headers).status_code == 404
        assert api.patch(other_url, json={"title": "Mine"}, headers=headers).status_code == 404
        assert api.delete(other_url, headers=headers).status_code == 404

    assert api.get(f"/api/todos/{ada_todo['id']}", headers=ada).json() == ada_todo
    assert api.get(f"/api/todos/{bob_todo['id']}", headers=bob).json() == bob_todo


def test_a_user_creates_completes_and_deletes_a_todo(backend: Backend, issuer: Issuer) -> None:
    api = backend.client
    headers = bearer(issuer.sign_up().token())

    created = api.post("/api/todos", json={"title": "Write it down"}, headers=headers)
    url = f"/api/todos/{created.json()['id']}"
    changed = api.patch(url, json={"completed": True}, headers=headers)
    read = api.get(url, headers=headers)
    deleted = api.delete(url, headers=headers)

    assert (created.status_code, created.json()["completed"]) == (201, False)
    assert (changed.status_code, changed.json()["completed"]) == (200, True)
    assert read.json() == changed.json()
    assert deleted.status_code == 204
    assert api.get(url, headers=headers).status_code == 404
    assert api.get("/api/todos", headers=headers).json()["items"] == []
