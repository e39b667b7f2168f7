"""The page on tracing: its tables name the attributes and spans that the code records."""

import ast
import re
from typing import Final

from backend.adapters.tracing import fetch, verifier
from backend.entrypoints.http import health
from backend.entrypoints.http.metrics import scrape
from backend.settings import tracing
from tests.documents import ROOT, table_rows, text_of
from tests.tracing_attributes import ATTRIBUTE, PAGE, documented_attributes

CODE: Final = ROOT / "backend/adapters/tracing"

# FastAPI records these, and no other part does.
OF_FASTAPI: Final = frozenset(
    {
        *("http.request.method_original", "network.protocol.name", "network.protocol.version"),
        "url.scheme",
    }
)


def recorded_attributes() -> set[str]:
    """Return the texts in the code that are names of attributes."""
    nodes = [node for path in CODE.glob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and ATTRIBUTE.fullmatch(text)}


def test_the_table_of_attributes_has_what_the_code_records() -> None:
    assert documented_attributes() == recorded_attributes() | OF_FASTAPI


def test_the_table_of_spans_has_every_kind() -> None:
    names = {row[0].strip("`") for row in table_rows(PAGE)}
    assert {verifier.NAME, f"{fetch.METHOD} /api/auth/jwks", "INSERT todos"} <= names


def test_the_page_names_the_paths_that_are_not_traced() -> None:
    paths = {getattr(route, "path", "") for route in health.router.routes} | {scrape.PATH}
    assert {path for path in paths if f"`{path}`" not in text_of(PAGE)} == set()


def test_the_table_of_variables_has_variables_that_the_settings_check() -> None:
    checked = {check.name for check in tracing._CHECKS} | {*tracing._NUMBERS}  # all that is checked
    rows = [name for row in table_rows(PAGE) for name in re.findall(r"`(OTEL_\w+)`", row[0])]
    unchecked = {"OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"}
    switches = {"OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"}
    assert {*rows} - checked == unchecked | switches
