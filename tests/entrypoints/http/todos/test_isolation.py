"""No user can read, change or delete another user's todos, or learn that they exist."""

import pytest
from httpx2 import Client

from tests.entrypoints.http.todos.api import (
    UNKNOWN_TODO,
    URL,
    add,
    invalid_fields,
    path_of,
    titles,
)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("headers", [{}, {"If-Match": "*"}, {"If-Match": '"1"'}])
def test_another_users_todo_gets_the_same_404_as_an_unknown_todo(
    ada: Client, bob: Client, method: str, headers: dict[str, str]
) -> None:
    todo = add(ada)
    body = {"title": "stolen"} if method == "PATCH" else None
    responses = [
        bob.request(method, url, headers=headers, json=body)
        for url in (path_of(todo), UNKNOWN_TODO)
    ]
    problems = [{**response.json(), "request_id": ""} for response in responses]
    assert [response.status_code for response in responses] == [404, 404]
    assert problems[0] == problems[1]
    assert ada.get(path_of(todo)).json() == todo


def test_a_list_contains_only_the_callers_todos(ada: Client, bob: Client) -> None:
    for client, title in ((ada, "Ada 1"), (bob, "Bob"), (ada, "Ada 2")):
        add(client, title)
    assert titles(ada, sort="title") == ["Ada 1", "Ada 2"]
    assert titles(bob) == ["Bob"]
    assert titles(bob, q="Ada") == []


def test_another_users_cursor_is_reported(ada: Client, bob: Client) -> None:
    for number in range(3):
        for client, name in ((ada, "Ada"), (bob, "Bob")):
            add(client, f"{name} {number}")
    cursor = ada.get(URL, params={"limit": 1}).json()["next_cursor"]
    assert invalid_fields(bob.get(URL, params={"cursor": cursor})) == {"cursor"}
    assert len(titles(ada, cursor=cursor)) == 2
