"""The garbage collector is off while a server is imported, and works again afterwards."""

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from backend.entrypoints.cli.imports import without_garbage_collection
from tests.e2e.processes import ROOT


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_the_collector_is_off_while_a_server_is_imported_and_on_afterwards() -> None:
    with without_garbage_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_the_collector_is_on_after_an_import_that_fails() -> None:
    with pytest.raises(ImportError), without_garbage_collection():
        raise ImportError
    assert gc.isenabled()


def test_a_server_imports_nothing_that_only_other_commands_need() -> None:
    code = "import sys, backend.entrypoints.cli.serving; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()
    unneeded = {"alembic", "backend.adapters.auth.explain", "httpx2", "rich", "sqlalchemy"}
    assert unneeded.isdisjoint(modules)
