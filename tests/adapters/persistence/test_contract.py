"""The contract of `TodoRepository`, which every adapter keeps on a real database."""

import asyncio
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from backend.adapters.persistence.database import Database
from backend.adapters.persistence.memory import InMemoryTodoRepository
from backend.domain.todo import (
    DESCRIPTION_MAX_LENGTH,
    TITLE_MAX_LENGTH,
    Priority,
    Todo,
    TodoConflictError,
    TodoNotFoundError,
)
from backend.domain.todo_list import TodoPosition, TodoQuery, TodoSort
from backend.domain.todo_repository import TodoRepository
from tests.adapters.persistence.samples import EVERY_FIELD, LATER, NOW, a_todo, a_user

pytestmark = pytest.mark.anyio

# Different characters of four bytes each: the longest entry that an index has to hold.
WIDE_TEXT = "".join(chr(0x20000 + number) for number in range(255))


async def every_page(todos: TodoRepository, user_id: str, query: TodoQuery) -> list[Todo]:
    """Read a list to its end, and check that every page but the last is full."""
    found: list[Todo] = []
    while True:
        page = await todos.list(user_id, query)
        found += page.items
        if page.next is None:
            return found
        assert len(page.items) == query.limit
        query = replace(query, after=page.next)


class TestAdding:
    @pytest.mark.parametrize(
        "fields",
        [
            {},
            EVERY_FIELD,
            {"description": ""},
            {"description": "Two litres", "completed": True, "priority": Priority.HIGH},
            {"priority": Priority.LOW, "due_at": LATER},
            {"title": "𝄞" * TITLE_MAX_LENGTH, "description": "𝄞" * DESCRIPTION_MAX_LENGTH},
            {"title": "'; DROP TABLE todos; --", "description": '"$1" %s :id ? {key} \\'},
            {"title": "\t\x01 e\u0301 \u202e\ufeff", "description": "one\r\ntwo\u2028"},
            {"due_at": datetime.min.replace(tzinfo=UTC)},
            {"due_at": datetime(1, 1, 1, microsecond=1, tzinfo=UTC)},
            {"due_at": datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)},
            {"due_at": datetime(9999, 12, 31, 23, 59, 59, 999998, tzinfo=UTC)},
            {"due_at": datetime.max.replace(tzinfo=UTC)},
        ],
    )
    async def test_a_todo_is_read_as_it_was_added(
        self, todos: TodoRepository, alice: str, fields: dict[str, Any]
    ) -> None:
        todo = a_todo(**fields)
        await todos.add(alice, todo)
        assert await todos.get(alice, todo.id) == todo
        assert (await todos.list(alice, TodoQuery())).items == (todo,)

    async def test_times_are_read_in_utc(self, todos: TodoRepository, alice: str) -> None:
        todo = a_todo(due_at=LATER)
        await todos.add(alice, todo)
        stored = await todos.get(alice, todo.id)
        assert {stored.due_at and stored.due_at.tzinfo, stored.created_at.tzinfo} == {UTC}

    @pytest.mark.parametrize("user_id", ["Ålice", "o'brien", "%", " ", "x" * 255, WIDE_TEXT])
    async def test_a_user_id_may_contain_any_character(
        self, todos: TodoRepository, user_id: str
    ) -> None:
        todo = a_todo(WIDE_TEXT[:TITLE_MAX_LENGTH])
        await todos.add(user_id, todo)
        assert (await todos.list(user_id, TodoQuery())).items == (todo,)
        await todos.remove(user_id, todo.id)

    async def test_an_id_is_added_only_once(self, todos: TodoRepository, alice: str) -> None:
        todo = a_todo()
        await todos.add(alice, todo)
        with pytest.raises(TodoConflictError):
            await todos.add(alice, replace(todo, title="Another"))
        assert await todos.get(alice, todo.id) == todo

    async def test_an_unknown_todo_is_not_found(self, todos: TodoRepository, alice: str) -> None:
        todo = a_todo()
        with pytest.raises(TodoNotFoundError):
            await todos.get(alice, todo.id)
        with pytest.raises(TodoNotFoundError):
            await todos.save(alice, todo.change(now=LATER))
        with pytest.raises(TodoNotFoundError):
            await todos.remove(alice, todo.id)
        with pytest.raises(TodoNotFoundError):
            await todos.remove(alice, todo.id, version=1)

    async def test_the_check_of_an_open_database_passes(self, database: Database) -> None:
        await database.check()


class TestOwnership:
    async def test_another_users_todo_looks_absent(
        self, todos: TodoRepository, alice: str, bob: str
    ) -> None:
        todo = a_todo()
        await todos.add(alice, todo)
        with pytest.raises(TodoNotFoundError):
            await todos.get(bob, todo.id)
        with pytest.raises(TodoNotFoundError):
            await todos.save(bob, todo.change(now=LATER, title="Bob was here"))
        with pytest.raises(TodoNotFoundError):
            await todos.remove(bob, todo.id)
        with pytest.raises(TodoNotFoundError):
            await todos.remove(bob, todo.id, version=todo.version)
        assert await todos.get(alice, todo.id) == todo

    @pytest.mark.parametrize("sort", TodoSort)
    async def test_another_users_todos_are_never_listed(
        self, todos: TodoRepository, alice: str, bob: str, sort: TodoSort
    ) -> None:
        own, others = a_todo("Own"), a_todo("Others")
        await todos.add(alice, own)
        await todos.add(bob, others)
        for after in (None, TodoPosition.of(others, sort)):
            found = (await todos.list(alice, TodoQuery(sort=sort, after=after))).items
            assert others not in found
        assert (await todos.list(alice, TodoQuery(sort=sort, q="others"))).items == ()

    async def test_two_users_may_have_the_same_id(
        self, todos: TodoRepository, alice: str, bob: str
    ) -> None:
        hers = a_todo("Hers")
        his = replace(hers, title="His")
        await todos.add(alice, hers)
        await todos.add(bob, his)
        await todos.save(bob, his.change(now=LATER, title="Still his"))
        assert (await todos.get(alice, hers.id)).title == "Hers"
        await todos.remove(alice, hers.id)
        assert (await todos.get(bob, his.id)).title == "Still his"


class TestSaving:
    def test_the_sample_sets_every_field_that_a_user_can_set(self) -> None:
        automatic = {"id", "created_at", "updated_at", "version"}
        assert EVERY_FIELD.keys() == {field.name for field in fields(Todo)} - automatic
        todo = a_todo("Other title")
        assert not [name for name, value in EVERY_FIELD.items() if getattr(todo, name) == value]

    async def test_every_field_can_change(self, todos: TodoRepository, alice: str) -> None:
        todo = a_todo(description="Two litres", due_at=LATER)
        await todos.add(alice, todo)
        changed = todo.change(
            now=LATER,
            title="Buy oat milk",
            description=None,
            completed=True,
            priority=Priority.HIGH,
            due_at=None,
        )
        await todos.save(alice, changed)
        assert await todos.get(alice, todo.id) == changed
        again = changed.change(now=LATER, due_at=NOW, description="One litre")
        again = replace(again, created_at=LATER)
        await todos.save(alice, again)
        assert await todos.get(alice, todo.id) == again
        every = again.change(now=LATER, **EVERY_FIELD)
        await todos.save(alice, every)
        assert await todos.get(alice, todo.id) == every

    async def test_a_search_finds_only_the_current_text_of_a_todo(
        self, todos: TodoRepository, alice: str
    ) -> None:
        todo = a_todo("Buy milk", description="Two litres")
        await todos.add(alice, todo)
        await todos.save(alice, todo.change(now=LATER, title="Buy bread", description=None))
        assert (await todos.list(alice, TodoQuery(q="milk"))).items == ()
        assert (await todos.list(alice, TodoQuery(q="litres"))).items == ()
        assert len((await todos.list(alice, TodoQuery(q="bread"))).items) == 1

    @pytest.mark.parametrize("version", [1, 2, 4])
    async def test_only_the_next_version_is_saved(
        self, todos: TodoRepository, alice: str, version: int
    ) -> None:
        todo = a_todo()
        second = todo.change(now=LATER, title="Second")
        await todos.add(alice, todo)
        await todos.save(alice, second)
        with pytest.raises(TodoConflictError):
            await todos.save(alice, replace(second, title="Stale", version=version))
        assert await todos.get(alice, todo.id) == second

    async def test_one_of_many_concurrent_changes_succeeds(
        self, todos: TodoRepository, alice: str
    ) -> None:
        todo = a_todo()
        await todos.add(alice, todo)
        changes = [todo.change(now=LATER, title=f"Change {number}") for number in range(20)]
        outcomes = await asyncio.gather(
            *(todos.save(alice, change) for change in changes), return_exceptions=True
        )
        winners = [change for change, failure in zip(changes, outcomes, strict=True) if not failure]
        assert len(winners) == 1
        assert [type(outcome) for outcome in outcomes].count(TodoConflictError) == 19
        assert await todos.get(alice, todo.id) == winners[0]


class TestRemoving:
    @pytest.mark.parametrize("version", [None, 1])
    async def test_a_removed_todo_is_gone(
        self, todos: TodoRepository, alice: str, version: int | None
    ) -> None:
        todo, other = a_todo(), a_todo("Other")
        await todos.add(alice, todo)
        await todos.add(alice, other)
        await todos.remove(alice, todo.id, version=version)
        with pytest.raises(TodoNotFoundError):
            await todos.get(alice, todo.id)
        with pytest.raises(TodoNotFoundError):
            await todos.remove(alice, todo.id)
        assert (await todos.list(alice, TodoQuery())).items == (other,)

    @pytest.mark.parametrize("version", [0, 1, 3])
    async def test_a_todo_with_another_version_is_not_removed(
        self, todos: TodoRepository, alice: str, version: int
    ) -> None:
        todo = a_todo()
        changed = todo.change(now=LATER)
        await todos.add(alice, todo)
        await todos.save(alice, changed)
        with pytest.raises(TodoConflictError):
            await todos.remove(alice, todo.id, version=version)
        assert await todos.get(alice, todo.id) == changed

    async def test_one_of_many_concurrent_removals_succeeds(
        self, todos: TodoRepository, alice: str
    ) -> None:
        todo = a_todo()
        await todos.add(alice, todo)
        outcomes = await asyncio.gather(
            *(todos.remove(alice, todo.id, version=1) for _ in range(10)), return_exceptions=True
        )
        assert outcomes.count(None) == 1


class TestListing:
    async def test_a_list_without_todos_is_an_empty_page(
        self, todos: TodoRepository, alice: str
    ) -> None:
        page = await todos.list(alice, TodoQuery())
        assert page.items == ()
        assert page.next is None

    async def test_the_newest_todos_come_first_by_default(
        self, todos: TodoRepository, alice: str
    ) -> None:
        added = [a_todo(minutes=minutes) for minutes in (2, 0, 1)]
        for todo in added:
            await todos.add(alice, todo)
        assert (await todos.list(alice, TodoQuery())).items == (added[0], added[2], added[1])

    @pytest.mark.parametrize("sort", TodoSort)
    async def test_every_order_holds_across_pages_and_ties(
        self, todos: TodoRepository, alice: str, sort: TodoSort
    ) -> None:
        dues = (None, LATER, NOW, datetime.max.replace(tzinfo=UTC))
        added = [
            a_todo(title, minutes=minutes, due_at=due_at, priority=priority)
            for title, minutes, due_at, priority in product(
                ("a", "B"), (0, 1), dues, (Priority.HIGH, Priority.LOW)
            )
        ]
        for todo in added:
            await todos.add(alice, todo)
        expected = sorted(
            added,
            key=lambda todo: (TodoPosition.of(todo, sort).key, todo.id),
            reverse=sort.descending,
        )
        assert await every_page(todos, alice, TodoQuery(sort=sort, limit=100)) == expected
        assert await every_page(todos, alice, TodoQuery(sort=sort, limit=5)) == expected
        assert await every_page(todos, alice, TodoQuery(sort=sort, limit=1)) == expected

    async def test_titles_are_sorted_by_code_point(self, todos: TodoRepository, alice: str) -> None:
        titles = ["!", "10", "9", "Z", "_", "a", "a b", "ab", "z", "ß", "é", "Ω", "\uffee", "𝄞"]
        for title in reversed(titles):
            await todos.add(alice, a_todo(title))
        listed = await todos.list(alice, TodoQuery(sort=TodoSort.TITLE))
        assert [todo.title for todo in listed.items] == titles == sorted(titles)

    @pytest.mark.parametrize(("limit", "more"), [(1, True), (2, True), (3, False), (4, False)])
    async def test_a_page_has_a_next_position_only_if_todos_follow(
        self, todos: TodoRepository, alice: str, limit: int, more: bool
    ) -> None:
        for minutes in range(3):
            await todos.add(alice, a_todo(minutes=minutes))
        page = await todos.list(alice, TodoQuery(limit=limit))
        assert (page.next is not None) is more

    async def test_a_list_continues_at_its_position_after_other_changes(
        self, todos: TodoRepository, alice: str
    ) -> None:
        added = [a_todo(str(minutes), minutes=minutes) for minutes in range(6)]
        for todo in added:
            await todos.add(alice, todo)
        query = TodoQuery(sort=TodoSort.CREATED_AT, limit=3)
        page = await todos.list(alice, query)
        await todos.add(alice, a_todo("earlier", minutes=-1))
        await todos.remove(alice, added[2].id)
        await todos.remove(alice, added[3].id)
        rest = await todos.list(alice, replace(query, after=page.next))
        assert page.items + rest.items == (*added[:3], *added[4:])
        assert rest.next is None

    async def test_filters_narrow_a_list(self, todos: TodoRepository, alice: str) -> None:
        done = a_todo("done", minutes=4, completed=True)
        urgent = a_todo("urgent", minutes=3, priority=Priority.HIGH, due_at=NOW)
        soon = a_todo("soon", minutes=2, due_at=NOW + timedelta(microseconds=1))
        late = a_todo("late", minutes=1, priority=Priority.LOW, due_at=LATER)
        for todo in (done, urgent, soon, late):
            await todos.add(alice, todo)

        async def found(**filters: Any) -> list[str]:
            page = await todos.list(alice, TodoQuery(**filters))
            return [todo.title for todo in page.items]

        assert await found(completed=True) == ["done"]
        assert await found(completed=False) == ["urgent", "soon", "late"]
        assert await found(priority=Priority.HIGH) == ["urgent"]
        assert await found(priority=Priority.LOW) == ["late"]
        assert await found(due_before=NOW) == []
        assert await found(due_before=LATER) == ["urgent", "soon"]
        assert await found(due_before=datetime.max.replace(tzinfo=UTC)) == [
            "urgent",
            "soon",
            "late",
        ]
        assert await found(completed=True, due_before=LATER) == []
        assert await found(completed=False, due_before=LATER, q="o") == ["soon"]

    @pytest.mark.parametrize(
        ("text", "q", "found"),
        [
            ("Buy milk", "MILK", True),
            ("Buy milk", "y m", True),
            ("Buy milk", "milk buy", False),
            ("Buy milk", "", True),
            ("50% off", "0% o", True),
            ("500 off", "5%0", False),
            ("snake_case", "e_c", True),
            ("snakecase", "e_c", False),
            ("back\\slash", "k\\s", True),
            ("it's", "T'S", True),
            ('say "hi"', '"HI"', True),
            ("a*b", "a?b", False),
            ("Straße", "STRASSE", True),
            ("STRASSE", "straße", True),
            ("ÉTÉ", "été", True),
            ("ΣΊΣΥΦΟΣ", "σίσυφος", True),
            ("İstanbul", "i\u0307stanbul", True),
            ("résumé", "resume", False),
            ("r\u00e9sum\u00e9", "RE\u0301SUME\u0301", True),
            ("re\u0301sume\u0301", "R\u00c9SUM\u00c9", True),
            ("\u0390", "\u03aa\u0301", True),
            ("𝄞 clef", "𝄞", True),
        ],
    )
    async def test_a_search_finds_the_exact_text_in_any_case(
        self, todos: TodoRepository, text: str, q: str, found: bool
    ) -> None:
        for user_id, todo in (
            (a_user(), a_todo(text)),
            (a_user(), a_todo("Note", description=text)),
        ):
            await todos.add(user_id, todo)
            listed = (await todos.list(user_id, TodoQuery(q=q))).items
            assert listed == ((todo,) if found else ())

    async def test_a_search_does_not_span_title_and_description(
        self, todos: TodoRepository, alice: str
    ) -> None:
        await todos.add(alice, a_todo("Buy", description="milk"))
        assert (await todos.list(alice, TodoQuery(q="buymilk"))).items == ()

    async def test_every_combination_of_filters_gives_the_same_todos_as_in_memory(
        self, todos: TodoRepository, alice: str
    ) -> None:
        memory = InMemoryTodoRepository()
        for minutes, (title, completed, priority, due_at) in enumerate(
            product(("One", "Two"), (True, False), Priority, (None, NOW, LATER))
        ):
            todo = a_todo(
                title, minutes=minutes % 7, completed=completed, priority=priority, due_at=due_at
            )
            await todos.add(alice, todo)
            await memory.add(alice, todo)
        for sort, completed_is, priority_is, due_before, q in product(
            TodoSort, (None, True), (None, Priority.NORMAL), (None, LATER), (None, "two")
        ):
            query = TodoQuery(
                limit=4,
                sort=sort,
                completed=completed_is,
                priority=priority_is,
                due_before=due_before,
                q=q,
            )
            assert await every_page(todos, alice, query) == await every_page(memory, alice, query)
