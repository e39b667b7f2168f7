"""The code for front ends on the pages: it has the right types, and it works."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest

from backend.adapters.persistence.memory import InMemoryDatabase
from backend.container import Container
from backend.entrypoints.http.app import create_app
from backend.settings import Settings
from tests.clients.conftest import HERE, require
from tests.clients.test_typescript import MODULES, NODE, run_node
from tests.documents import ROOT, blocks, fenced_blocks
from tests.e2e.backend import NO_COVERAGE
from tests.e2e.databases import Database
from tests.e2e.processes import Process, connect, free_port, wait_for
from tests.e2e.servers import Servers

README_CLIENT: Final = """
declare const API: string;
"""
TYPED_CLIENT: Final = """
import { createAuthClient } from "better-auth/client";
import { jwtClient } from "better-auth/client/plugins";
const authClient = createAuthClient({ plugins: [jwtClient()] });
"""
SIGNED_IN: Final = """
declare const authClient: { token: () => Promise<{ data: { token: string } }> };
declare const url: string;
"""
SERVER: Final = """
import { betterAuth } from "better-auth";
import { jwt, organization } from "better-auth/plugins";
"""
GENERATED: Final = """
declare const baseUrl: string, token: string, id: string, etag: string;
"""

# Code of other pages, by its beginning: the text before the code, and the text after the code.
FRAGMENTS: Final = {
    ("README.md", "import { createAuthClient }"): (README_CLIENT, ""),
    ("docs/claims.md", "plugins: ["): (f"{SERVER}betterAuth({{\n", "});"),
    ("docs/claims.md", "definePayload"): (f"{SERVER}jwt({{ jwt: {{\n", "} });"),
    ("docs/clients.md", "import createClient"): (GENERATED, ""),
    ("docs/session-cookies.md", "let token"): (TYPED_CLIENT, ""),
    ("docs/websockets.md", "const {"): (SIGNED_IN, ""),
    ("docs/websockets.md", "function connect"): (SIGNED_IN, ""),
    ("llms.txt", "// api.ts"): (README_CLIENT, ""),
    ("llms.txt", "// auth.ts"): ("", ""),
}

NEXT: Final = Path("docs/nextjs.md")
MOBILE: Final = Path("docs/react-native.md")
BETTER_AUTH: Final = ROOT / "demo" / "node_modules"
PACKAGES: Final = (
    *(BETTER_AUTH / name for name in ("better-auth", "@better-auth")),
    *(MODULES / name for name in ("openapi-fetch", "openapi-typescript-helpers")),
)


def code_of(page: Path, start: str) -> str:
    """Return the only block of a page that starts like this."""
    (code,) = [block.text for block in fenced_blocks(page) if block.text.startswith(start)]
    return code


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the pages, with the types of the API and the packages that they import."""
    folder = tmp_path_factory.mktemp("front-ends")
    files = {f"next/{path}": text for path, text in blocks("tsx?", NEXT).items()}
    files |= {f"mobile/{path}": text for path, text in blocks("ts", MOBILE).items()}
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    (folder / "fragments").mkdir()
    for number, ((page, start), (before, after)) in enumerate(FRAGMENTS.items()):
        code = code_of(Path(page), start)
        text = f"{before}\n{code}\n{after}\nexport {{}};\n"
        (folder / "fragments" / f"{number}.ts").write_text(text, "utf-8")
    shutil.copy(ROOT / "demo" / "web" / "api.ts", folder / "next" / "lib")
    shutil.copytree(HERE / "front_ends", folder, dirs_exist_ok=True)
    modules = folder / "node_modules"
    modules.mkdir()
    for package in PACKAGES:
        (modules / package.name).symlink_to(require(package), target_is_directory=True)
    settings = Settings.load(better_auth_secret="s" * 32, docs=True)
    app = create_app(Container(settings=settings, database=InMemoryDatabase()))
    (folder / "openapi.json").write_text(json.dumps(app.openapi()), "utf-8")
    schema = str(folder / "next" / "lib" / "schema.d.ts")
    run_node(["openapi-typescript", "openapi.json", "--output", schema], folder)
    shutil.copy(schema, folder / "fragments")
    return folder


def test_the_types_of_the_code_are_right(folder: Path) -> None:
    assert (folder / "next" / "wrong.ts").exists()  # in it, the compiler must find an error
    run_node(["tsc", "--project", "tsconfig.json"], folder)


@pytest.fixture(scope="module")
def app(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """A browser whose user is signed in, at a server that runs the code of the pages."""
    logs = tmp_path_factory.mktemp("logs")
    database = Database.create_sqlite(logs)
    url = f"http://127.0.0.1:{free_port()}"
    with Servers(logs, DATABASE_URL=database.url, **NO_COVERAGE) as servers:
        backend = servers.backend(BETTER_AUTH_URL=url)
        env = {
            "API_URL": backend.url,
            "BETTER_AUTH_SECRET": "a secret of this test alone, for cookies",
            "BETTER_AUTH_URL": url,
            "PORT": url.rpartition(":")[2],
        }
        command: list[str | Path] = [
            NODE / "node",
            "--disable-warning=ExperimentalWarning",
            "server.mjs",
        ]
        process = Process("front end", command, log=logs / "front-end.log", env=env, folder=folder)
        with connect(url, Origin=url) as browser:

            def is_up() -> bool | None:
                try:
                    return browser.get("/api/auth/ok").is_success or None
                except httpx2.TransportError:
                    return None

            process.wait_until_started(is_up)
            account = {"name": "Ada", "email": "ada@example.com", "password": "correct horse"}
            browser.post("/api/auth/sign-up/email", json=account).raise_for_status()
            # The API could not fetch the keys when it started.
            wait_for(lambda: browser.get("/api/open-todos").status_code == 200 or None)
            yield browser
        process.stop()


def test_a_route_handler_and_a_mobile_app_act_for_their_user(app: httpx2.Client) -> None:
    assert app.get("/api/open-todos").json() == {"titles": []}
    created = app.get("/mobile")
    assert (created.status_code, created.json()["title"]) == (201, "Buy milk")
    assert app.get("/api/open-todos").json() == {"titles": ["Buy milk"]}


def test_another_service_gives_a_token_for_the_cookies(app: httpx2.Client) -> None:
    assert str(app.get("/token").json()["token"]).count(".") == 2


def test_no_user_is_signed_in_without_cookies(app: httpx2.Client) -> None:
    with connect(str(app.base_url)) as anonymous:
        assert anonymous.get("/token").json() == {"token": None}
        assert anonymous.get("/api/open-todos").status_code == 401
