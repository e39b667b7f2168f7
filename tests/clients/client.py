"""Uses every operation of the API with the generated Python client."""

import json
import os
from http import HTTPStatus
from typing import Final
from uuid import uuid4

from todo_client import AuthenticatedClient, Client
from todo_client.api.health import live, ready
from todo_client.api.me import delete_my_data, export_my_data, read_me
from todo_client.api.todos import change_todo, create_todo, delete_todo, list_todos, read_todo
from todo_client.models import (
    ChangeTodoResponse412,
    Health,
    NewTodo,
    PrincipalResponse,
    Priority,
    Readiness,
    ReadMeResponse401,
    ReadTodoResponse404,
    TodoChanges,
    TodoPageResponse,
    TodoResponse,
)

URL: Final = os.environ["API_URL"]


def check_health(client: Client) -> None:
    """Health needs no token. An error has a code."""
    alive = live.sync(client=client)
    assert isinstance(alive, Health)
    assert alive.status == "ok"
    state = ready.sync(client=client)
    assert isinstance(state, Readiness)
    assert state.checks["database"] == "ok"


def check_credentials(client: AuthenticatedClient) -> None:
    """A token is needed."""
    me = read_me.sync(client=client)
    assert isinstance(me, PrincipalResponse)
    assert me.user_id
    with AuthenticatedClient(base_url=URL, token="unknown") as unauthenticated:
        refused = read_me.sync_detailed(client=unauthenticated)
        assert refused.headers["WWW-Authenticate"]
        assert isinstance(refused.parsed, ReadMeResponse401)
        assert refused.parsed.code == "invalid_token"


def check_todos(client: AuthenticatedClient) -> None:
    """Create a todo once; list, read, change and delete the todo."""
    body, key = NewTodo(title="Buy milk"), str(uuid4())
    created = create_todo.sync(client=client, body=body, idempotency_key=key)
    assert isinstance(created, TodoResponse)
    repeated = create_todo.sync_detailed(client=client, body=body, idempotency_key=key)
    assert isinstance(repeated.parsed, TodoResponse)
    assert repeated.parsed.id == created.id
    assert repeated.headers["Idempotency-Replayed"] == "true"

    page = list_todos.sync(client=client, limit=10, completed=False)
    assert isinstance(page, TodoPageResponse)
    assert [(todo.id, todo.priority) for todo in page.items] == [(created.id, Priority.NORMAL)]
    assert page.next_cursor is None

    read = read_todo.sync_detailed(created.id, client=client)
    etag = read.headers["ETag"]
    same = read_todo.sync_detailed(created.id, client=client, if_none_match=etag)
    assert same.status_code == HTTPStatus.NOT_MODIFIED

    changes = TodoChanges(completed=True)
    changed = change_todo.sync(created.id, client=client, body=changes, if_match=etag)
    assert isinstance(changed, TodoResponse)
    assert changed.completed
    stale = change_todo.sync(created.id, client=client, body=changes, if_match=etag)
    assert isinstance(stale, ChangeTodoResponse412)
    assert stale.code == "precondition_failed"

    removed = delete_todo.sync_detailed(created.id, client=client)
    assert removed.status_code == HTTPStatus.NO_CONTENT
    missing = read_todo.sync(created.id, client=client)
    assert isinstance(missing, ReadTodoResponse404)
    assert missing.code == "todo_not_found"


def check_my_data(client: AuthenticatedClient) -> None:
    """Export everything, then delete everything."""
    create_todo.sync(client=client, body=NewTodo(title="Buy milk"))
    exported = export_my_data.sync(client=client)
    assert isinstance(exported, str)
    first, todo, last = map(json.loads, exported.splitlines())
    assert first["export"]["user_id"] == "ada"
    assert todo["todo"]["title"] == "Buy milk"
    assert last == {"end": {"todos": 1}}

    deleted = delete_my_data.sync_detailed(client=client)
    assert deleted.status_code == HTTPStatus.NO_CONTENT
    page = list_todos.sync(client=client)
    assert isinstance(page, TodoPageResponse)
    assert page.items == []


if __name__ == "__main__":
    with Client(base_url=URL) as anonymous:
        check_health(anonymous)
    with AuthenticatedClient(base_url=URL, token=os.environ["API_TOKEN"]) as ada:
        check_credentials(ada)
        check_todos(ada)
        check_my_data(ada)
    print("All operations work.")  # noqa: T201 - the test reads this line
