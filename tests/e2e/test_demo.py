"""`make demo` starts Better Auth, the API and the page, and leaves nothing behind."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import psutil  # type: ignore[import-untyped]  # has no type stubs
import pytest

from tests.e2e.backend import NO_COVERAGE, bearer
from tests.e2e.processes import ROOT, Process, connect, wait_for

SERVER: Final = str(ROOT / "demo" / "server.mjs")


class Demo(Process):
    """A running `python -m demo`.

    Attributes:
        page: A client of the page and of Better Auth.
        api: A client of the API.
    """

    def __init__(self, log: Path) -> None:
        ports = {"PORT": "0", "API_PORT": "0"}  # other tests start the demo at the same time
        env = {"ADMIN_PASSWORD": "known to this test", "TMPDIR": str(log.parent), **NO_COVERAGE}
        super().__init__("demo", [sys.executable, "-m", "demo"], log=log, env=env | ports)
        page, api = self.wait_until_started(self._addresses)
        self.page = connect(page, Origin=page)
        self.api = connect(api)

    def better_auth(self) -> psutil.Process:
        """Return the process of Better Auth."""
        children = psutil.Process(self._popen.pid).children(recursive=True)
        return next(child for child in children if SERVER in child.cmdline())

    def stop(self) -> None:
        """Close the clients and stop the servers."""
        self.page.close()
        self.api.close()
        super().stop()

    def _addresses(self) -> tuple[str, str] | None:
        found = re.search(r"Open +(\S+)\n.+The API is at (\S+) .+\n\n", self.output, re.DOTALL)
        return (found[1], found[2]) if found else None


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    demo = Demo(tmp_path_factory.mktemp("demo") / "demo.log")
    yield demo
    demo.stop()


@pytest.fixture
def ending_demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path / "demo.log")
    yield demo
    demo.stop()


def test_the_admin_signs_in_and_the_api_knows_the_role(demo: Demo) -> None:
    body = {"email": "admin@example.com", "password": "known to this test"}
    demo.page.post("/api/auth/sign-in/email", json=body).raise_for_status()
    token = demo.page.get("/api/auth/token").raise_for_status().json()["token"]
    me = demo.api.get("/api/me", headers=bearer(token)).raise_for_status().json()
    assert me["roles"] == ["admin"]

    expired = demo.page.get("/demo/expired-token").raise_for_status().json()["token"]
    response = demo.api.get("/api/me", headers=bearer(expired))
    assert response.json()["code"] == "token_expired"


def test_the_page_has_a_strict_policy_and_serves_no_other_file(demo: Demo) -> None:
    page = demo.page.get("/")
    assert f'content="{demo.api.base_url}"' in page.text.replace('"/>', '">')
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert f"connect-src 'self' {demo.api.base_url}" in policy

    for name in set(re.findall(r'(?:src|href)="/([\w.]+)"', page.text)) | {"openapi-fetch.js"}:
        assert demo.page.get(f"/{name}").raise_for_status().text
    assert "interface" not in demo.page.get("/api.ts").text  # the types are stripped
    for path in ("/../server.mjs", "/%2e%2e/server.mjs", "/schema.d.ts", "/tsconfig.json"):
        assert demo.page.get(path).status_code == httpx2.codes.NOT_FOUND
    demo.page.cookies.clear()
    assert demo.page.get("/demo/expired-token").status_code == httpx2.codes.UNAUTHORIZED


def test_requests_to_other_host_names_are_redirected(demo: Demo) -> None:
    response = demo.page.get("/", headers={"Host": "localhost:3000"})
    assert response.status_code == httpx2.codes.TEMPORARY_REDIRECT
    assert response.headers["Location"] == f"{demo.page.base_url}/"


def test_better_auth_ends_even_if_the_demo_is_killed(ending_demo: Demo) -> None:
    better_auth = ending_demo.better_auth()
    ending_demo.kill()
    wait_for(lambda: None if better_auth.is_running() else True)


def test_the_demo_ends_if_better_auth_ends(ending_demo: Demo) -> None:
    ending_demo.better_auth().kill()
    # `Process` has no other way to notice the end of the process.
    assert wait_for(ending_demo._popen.poll) == 1
    assert "Better Auth ended" in ending_demo.output
