"""The arrows that the import contracts cannot draw: the domain needs nothing but Python."""

import sys

import grimp
import pytest

DOMAIN = "backend.domain"


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("backend", include_external_packages=True, cache_dir=None)


def test_the_domain_imports_the_standard_library_only(graph: grimp.ImportGraph) -> None:
    modules = {DOMAIN, *graph.find_descendants(DOMAIN)}
    imported = {
        one for module in modules for one in graph.find_modules_directly_imported_by(module)
    }
    foreign = {one.partition(".")[0] for one in imported - modules} - sys.stdlib_module_names
    assert len(modules) > 1
    assert foreign == set()


def test_nothing_that_is_shipped_imports_the_tests(graph: grimp.ImportGraph) -> None:
    assert "tests" not in graph.modules


def test_the_graph_sees_what_it_is_to_see(graph: grimp.ImportGraph) -> None:
    assert "fastapi" in graph.find_modules_directly_imported_by("backend.entrypoints.http.app")
    assert "dataclasses" in graph.find_modules_directly_imported_by(f"{DOMAIN}.todo")
