"""GET /api/todos/{id}: conditional requests and caching."""

from collections.abc import Callable

import pytest
from httpx2 import Client

from tests.entrypoints.http.todos.api import UNKNOWN_TODO, URL, add, path_of


@pytest.mark.parametrize("tag", ['"1"', "*", 'W/"1"', '"0", "1"', '"0",W/"1" ,"2"'])
def test_a_matching_if_none_match_gets_304(ada: Client, tag: str) -> None:
    todo = add(ada)
    response = ada.get(path_of(todo), headers={"If-None-Match": tag})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["ETag"] == '"1"'
    assert response.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("tag", ['"2"', "1", "", 'w/"1"', '"1', '"*"'])
def test_any_other_if_none_match_gets_the_todo(ada: Client, tag: str) -> None:
    todo = add(ada)
    response = ada.get(path_of(todo), headers={"If-None-Match": tag})
    assert (response.status_code, response.json()) == (200, todo)
    assert response.headers["ETag"] == '"1"'


def test_an_unknown_todo_gets_404_with_if_none_match(ada: Client) -> None:
    assert ada.get(UNKNOWN_TODO, headers={"If-None-Match": "*"}).status_code == 404


def test_responses_are_json_that_shared_caches_must_not_store(ada: Client) -> None:
    created = ada.post("/api/todos", json={"title": "x"})
    path = created.headers["Location"]
    changed = ada.patch(path, json={"title": "y"})
    for response in (created, changed, ada.get(path), ada.get("/api/todos"), ada.get("/api/me")):
        assert response.headers.get_list("Cache-Control") == ["private, no-cache"]
        assert response.headers.get_list("Content-Type") == ["application/json"]
    assert ada.delete(path).headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("notation", [str.upper, lambda text: text.replace("-", "")])
def test_an_id_may_have_capital_letters_or_no_hyphens(
    ada: Client, notation: Callable[[str], str]
) -> None:
    todo = add(ada)
    assert ada.get(f"{URL}/{notation(todo['id'])}").json() == todo
