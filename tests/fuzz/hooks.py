"""Extends Schemathesis: a second user sends every request too, and no user sees the other's data.

Schemathesis imports this module, as `hooks` in its configuration says. `FUZZ_OTHER_USER` has the
headers that authenticate the second user, as JSON.
"""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from typing import Any, Final

import requests
import schemathesis
from schemathesis.specs.openapi.checks import status_code_conformance

# The text of every todo of the second user. The first user never writes this text.
MARK: Final = f"written by the second user {secrets.token_hex(8)}"

Case = schemathesis.Case[Any]

_OTHER_USER: Final[dict[str, str]] = json.loads(os.environ["FUZZ_OTHER_USER"])
_TEXTS: Final = ("title", "description")
_TIMES: Final = ("due_at", "due_before")
_EDGES: Final = re.compile("^(0000|0001|9999)(?=-)")
_SESSION: Final = requests.Session()
_SESSION.trust_env = False

_cursors: dict[str, str] = {}
_ids: dict[str, set[str]] = {"first": set(), "second": set()}


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Case, **_: Any) -> None:
    """Replace values that match the schema, but that the API accepts in some states only."""
    case.body = _without_mark(case.body)
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    for container in (case.query, case.body):
        _move_times(container)
    if case.query and "cursor" in case.query:
        cursor = _cursors.get(_list_of(case.query))
        case.query = {name: value for name, value in case.query.items() if name != "cursor"}
        if cursor is not None:
            case.query["cursor"] = cursor
    if case.headers and "Idempotency-Key" in case.headers:
        # The same body has the same key, so that some requests are repeated.
        content = json.dumps(case.body, default=str, sort_keys=True)
        case.headers["Idempotency-Key"] = hashlib.sha256(content.encode()).hexdigest()


@schemathesis.hook
def after_call(
    context: schemathesis.HookContext, case: Case, response: schemathesis.Response
) -> None:
    """Remember the cursors of lists."""
    body = _json(response)
    if isinstance(body, dict) and body.get("next_cursor") and case.query is not None:
        _cursors[_list_of(case.query)] = body["next_cursor"]


@schemathesis.check
def no_foreign_data(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    """Send the request as the second user too, and compare the answers to both users."""
    sent = response.request
    if any(name not in sent.headers for name in _OTHER_USER):
        return
    _record(sent, response.status_code, _json(response), "first", "second")
    assert MARK not in response.text, "The first user sees a text of the second user."

    repeated = sent.copy()
    repeated.headers.update(_OTHER_USER)
    repeated.prepare_body(_marked(sent.body), None)
    other = _SESSION.send(repeated, timeout=10, allow_redirects=False)
    body = _json(other)
    _record(sent, other.status_code, body, "second", "first")
    for todo in _todos(body):
        assert todo["title"] == MARK, "The second user sees the title of the first user."
        assert todo["description"] in {MARK, None}, "The second user sees a foreign description."
    if "user_id" in (body if isinstance(body, dict) else {}):
        assert body["user_id"] == "bob"
    status_code_conformance(ctx, schemathesis.Response.from_requests(other, verify=False), case)


def _record(
    sent: requests.PreparedRequest, status: int, body: Any, user: str, other_user: str
) -> None:
    """Remember the ids of new todos, and check that no id belongs to the other user."""
    ids = {todo["id"] for todo in _todos(body)}
    foreign = ids & _ids[other_user]
    assert not foreign, f"The {user} user sees todos of the {other_user} user: {foreign}"
    if sent.method == "POST" and status == requests.codes.created:
        _ids[user] |= ids


def _move_times(container: Any) -> None:
    """Replace years at whose start or end a time can lie outside the years 1 to 9999 in UTC."""
    for name in _TIMES:
        if isinstance(container, dict) and isinstance(container.get(name), str):
            container[name] = _EDGES.sub("2000", container[name])


def _without_mark(body: Any) -> Any:
    """Return the body with the mark replaced by another text.

    Schemathesis learns texts from answers to the second user, and sends them as the first user.
    """
    if not isinstance(body, dict) or MARK not in json.dumps(body, default=str):
        return body
    return {
        name: value.replace(MARK, "a text that was read") if isinstance(value, str) else value
        for name, value in body.items()
    }


def _marked(body: Any) -> Any:
    """Return the body with every text replaced by the mark of the second user."""
    try:
        content = json.loads(body or "")
    except ValueError:
        return body
    if isinstance(content, dict):
        marked = {name: MARK for name in _TEXTS if isinstance(content.get(name), str)}
        return json.dumps(content | marked)
    return body


def _todos(body: Any) -> Iterator[dict[str, Any]]:
    """Yield the todos of an answer."""
    if isinstance(body, dict):
        yield from body.get("items", ())
        if "due_at" in body and "id" in body:
            yield body


def _json(response: Any) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _list_of(query: Any) -> str:
    """Return the key of a list: a cursor is valid for the same sort order and filters."""
    return json.dumps(
        {name: value for name, value in query.items() if name not in {"cursor", "limit"}},
        default=str,
        sort_keys=True,
    )
