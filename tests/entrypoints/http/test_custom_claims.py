"""The code in docs/claims.md runs as written."""

import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, Depends, HTTPException

from backend.domain.read_only import ReadOnlyMapping
from backend.entrypoints.http.auth.dependencies import CurrentPrincipal
from backend.entrypoints.http.auth.protected_route import ProtectedRoute
from backend.testing.fakes import FakeTokenVerifier
from tests.documents import ROOT, text_of
from tests.entrypoints.http.conftest import ADA, MakeApp, MakeClient

PAGE = Path("docs/claims.md")


def code_of(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(PAGE), re.DOTALL | re.MULTILINE)


@pytest.fixture
def client(make_app: MakeApp, make_client: MakeClient) -> httpx2.Client:
    """Return Ada's client of an app with the routes of the page."""
    router = APIRouter(prefix="/api", route_class=ProtectedRoute)
    names: dict[str, Any] = {"router": router, "Depends": Depends, "HTTPException": HTTPException}
    for code in code_of("python"):
        exec(code, {"CurrentPrincipal": CurrentPrincipal, **names})  # noqa: S102 - the code of our page
    app = make_app()
    app.include_router(router)
    return make_client(app, "ada")


def test_the_route_of_the_page_reads_the_active_organization(
    client: httpx2.Client, verifier: FakeTokenVerifier
) -> None:
    assert client.get("/api/organization").status_code == 404
    claims = ReadOnlyMapping({"activeOrganizationId": "org-1"})
    verifier.known["ada"] = ADA._replace(claims=claims)
    assert client.get("/api/organization").json() == "org-1"


def test_the_guard_of_the_page_refuses_impersonation(
    client: httpx2.Client, verifier: FakeTokenVerifier
) -> None:
    assert client.delete("/api/account").status_code == 200
    verifier.known["ada"] = ADA._replace(claims=ReadOnlyMapping({"impersonatedBy": "root"}))
    assert client.delete("/api/account").status_code == 403


def test_the_demo_defines_the_payload_as_the_page_does() -> None:
    """The end-to-end tests run the demo."""
    pages = ["".join(code.split()) for code in code_of("js")]
    demo = "".join((ROOT / "demo/server.mjs").read_text().split())
    payload = "({user,session})=>({...user,activeOrganizationId:session.activeOrganizationId,})"
    assert payload in pages[0]
    assert payload in demo
