"""The authentication part under another name, as docs/vendoring.md copies it."""

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.alone.environments import APP, ROOT, link_requirements, make_environment, run
from tests.documents import text_of

NAME: Final = "acme_auth"
COPY: Final = re.compile(r"^```bash\n(.*?)^```$", re.DOTALL | re.MULTILINE)

# Prints the modules of the package, and imports each of them.
IMPORT_ALL: Final = f"""
import importlib, pkgutil, sys, {NAME}
for module in pkgutil.walk_packages({NAME}.__path__, "{NAME}."):
    importlib.import_module(module.name)
print(*(name for name in sys.modules if name.startswith("{NAME}.")))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the copy, and with another package that is named `backend`."""
    folder = tmp_path_factory.mktemp("vendored")
    (folder / "secured-todo-api").symlink_to(ROOT)
    (command,) = COPY.findall(text_of(Path("docs/vendoring.md")))
    subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, check=True)  # noqa: S607 - the bash of the reader
    (folder / "backend").mkdir()
    (folder / "backend" / "__init__.py").write_text('OWNER = "another team"\n')
    app = re.sub(r"\bbackend\b", NAME, APP.read_text())
    app += "\nfrom backend import OWNER\n\nassert OWNER == 'another team'\n"
    (folder / "app.py").write_text(app)
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the requirements of authentication."""
    folder = tmp_path_factory.mktemp("environment")
    return make_environment(folder / "env", link_requirements(folder / "packages")) / "python"


def test_the_copy_protects_an_app_beside_another_backend(folder: Path, python: Path) -> None:
    assert run(python, "-W", "error", "app.py", folder=folder).stdout == "protected\n"


def test_every_module_of_the_copy_can_be_imported(folder: Path, python: Path) -> None:
    modules = run(python, "-c", IMPORT_ALL, folder=folder).stdout.split()
    assert f"{NAME}.entrypoints.http.protect" in modules
    assert f"{NAME}.adapters.auth.pyjwt" in modules


def test_the_copy_does_not_mention_the_old_name(folder: Path) -> None:
    files = [path for path in (folder / NAME).rglob("*") if path.suffix in {".py", ".typed"}]
    assert len(files) > 50
    assert [path for path in files if re.search(r"\bbackend\b", path.read_text())] == []
    assert (folder / NAME / "LICENSE").is_file()
