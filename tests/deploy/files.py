"""The files of deploy/, read for the tests."""

import configparser
import re
from typing import Any, Final

from ruamel.yaml import YAML

from tests.documents import ROOT

DEPLOY: Final = ROOT / "deploy"


def text_of(name: str) -> str:
    """Return the text of a file of deploy/."""
    return (DEPLOY / name).read_text("utf-8")


def compose_services() -> dict[str, Any]:
    """Return the services of compose.yaml, by name."""
    services: dict[str, Any] = YAML(typ="safe").load(DEPLOY / "compose.yaml")["services"]
    return services


def kubernetes_objects() -> dict[str, Any]:
    """Return the objects of kubernetes.yaml, by kind. Each kind occurs once."""
    objects = list(YAML(typ="safe").load_all(DEPLOY / "kubernetes.yaml"))
    by_kind = {item["kind"]: item for item in objects}
    assert len(by_kind) == len(objects)
    return by_kind


def unit_options(name: str) -> dict[str, list[str]]:
    """Return the options of the section [Service] of a unit: all values of each."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, dict_type=_Repeatable)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keeps capitals
    parser.read_string(text_of(name))
    return {key: value.split("\n") for key, value in parser["Service"].items()}


def directives(text: str, name: str) -> list[str]:
    """Return the arguments of each directive of nginx or Caddy that has this name."""
    return re.findall(rf"^\s*{re.escape(name)}\s+([^;{{\n]*[^;{{\s])", text, re.MULTILINE)


class _Repeatable(dict[str, Any]):
    """A section in which an option that occurs again adds a value."""

    def __setitem__(self, key: str, value: Any) -> None:
        if isinstance(value, list) and key in self:
            self[key].extend(value)
        else:
            super().__setitem__(key, value)
