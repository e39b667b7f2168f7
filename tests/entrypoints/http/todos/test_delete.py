"""DELETE /api/todos/{id}."""

from httpx2 import Client

from tests.entrypoints.http.todos.api import add, path_of, titles


def test_a_deleted_todo_is_not_found(ada: Client) -> None:
    todo = add(ada)
    response = ada.delete(path_of(todo))
    assert (response.status_code, response.content) == (204, b"")
    assert ada.delete(path_of(todo)).status_code == 404
    assert ada.get(path_of(todo)).status_code == 404
    assert titles(ada) == []


def test_the_response_has_no_content_and_no_content_type(ada: Client) -> None:
    response = ada.delete(path_of(add(ada)))
    assert (response.status_code, response.content) == (204, b"")
    assert "Content-Type" not in response.headers


def test_the_body_of_a_delete_is_not_read(ada: Client) -> None:
    response = ada.request("DELETE", path_of(add(ada)), content=b"{" * 200_000)
    assert response.status_code == 204
