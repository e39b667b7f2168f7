"""Read-only copies of JSON values."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from backend.domain.read_only import EMPTY, ReadOnlyMapping, plain

JSON = {"text": "é", "list": [1, {"a": [None, True]}, []], "object": {"b": {"c": 1.5}}}


def assign_member(mapping: Any) -> None:
    mapping["text"] = 1


def delete_member(mapping: Any) -> None:
    del mapping["text"]


def clear(mapping: Any) -> None:
    mapping.clear()


def update(mapping: Any) -> None:
    mapping.update(text=1)


def add_attribute(mapping: Any) -> None:
    mapping.text = 1


def assign_nested_member(mapping: Any) -> None:
    mapping["object"]["b"]["c"] = 1


def assign_item(mapping: Any) -> None:
    mapping["list"][1]["a"][0] = 1


def append_item(mapping: Any) -> None:
    mapping["list"].append(1)


@pytest.mark.parametrize(
    "change",
    [
        *(assign_member, delete_member, clear, update, add_attribute),
        *(assign_nested_member, assign_item, append_item),
    ],
)
def test_nothing_in_a_read_only_mapping_can_be_changed(change: Callable[[Any], None]) -> None:
    mapping = ReadOnlyMapping(JSON)
    with pytest.raises((TypeError, AttributeError)):
        change(mapping)
    assert plain(mapping) == JSON


def test_changing_the_original_does_not_change_the_copy() -> None:
    original: dict[str, Any] = copy.deepcopy(JSON)
    mapping = ReadOnlyMapping(original)
    original["list"][1]["a"].append(1)
    original["object"]["b"].clear()
    assert plain(mapping) == JSON


def test_a_read_only_mapping_reads_like_a_dict() -> None:
    mapping = ReadOnlyMapping(JSON)
    assert (mapping["text"], mapping.get("missing"), "list" in mapping) == ("é", None, True)
    assert (list(mapping), len(mapping)) == (["text", "list", "object"], 3)
    assert mapping["list"] == (1, {"a": (None, True)}, ())
    assert repr(mapping) == repr({**mapping})
    assert {**EMPTY} == {}


def test_read_only_mappings_are_equal_by_value() -> None:
    reversed_order = dict(reversed(JSON.items()))
    assert ReadOnlyMapping(JSON) == ReadOnlyMapping(reversed_order)
    assert hash(ReadOnlyMapping(JSON)) == hash(ReadOnlyMapping(reversed_order))
    assert ReadOnlyMapping({"a": {"b": 1}}) == {"a": {"b": 1}}
    assert ReadOnlyMapping({"a": {"b": 1}}) != {"a": {"b": 2}}


def test_a_read_only_mapping_can_be_pickled_and_copied() -> None:
    mapping = ReadOnlyMapping(JSON)
    for twin in (pickle.loads(pickle.dumps(mapping)), copy.deepcopy(mapping), copy.copy(mapping)):  # noqa: S301 - pickled by this test
        assert twin == mapping


def test_a_plain_copy_is_json() -> None:
    assert json.loads(json.dumps(plain(ReadOnlyMapping(JSON)))) == JSON
