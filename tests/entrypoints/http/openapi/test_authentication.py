"""The document of an app that exists already: authentication is added, all else stays."""

import copy
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from backend.domain.auth import Principal
from backend.entrypoints.http import (
    CurrentPrincipal,
    OptionalPrincipal,
    protect,
    requires_roles,
    requires_scopes,
)
from backend.entrypoints.http.openapi.authentication import (
    GuardedOperation,
    document_authentication,
)
from backend.entrypoints.http.openapi.protected_app import guarded_operations
from backend.settings.authentication import AuthSettings

PROBLEM = "application/problem+json"
CREDENTIALS = ["malformed_authorization", "token_expired", "invalid_token"]


class Item(BaseModel):
    name: str = "x"


class OwnError(BaseModel):
    message: str


@pytest.fixture
def shop() -> FastAPI:
    app = FastAPI(title="Shop", servers=[{"url": "https://shop.example.com"}])
    router = APIRouter(prefix="/items", responses={403: {"model": OwnError}})

    @router.get("/{item_id}")
    async def read(principal: CurrentPrincipal, item_id: int, q: str | None = None) -> Item:
        return Item(name=f"{principal.user_id}{item_id}{q}")

    @router.post("")
    async def create(
        principal: Annotated[Principal, requires_scopes("items:write")], item: Item
    ) -> Item:
        return item

    @router.delete("/{item_id}", dependencies=[requires_roles("admin")])
    async def remove(item_id: int) -> None: ...

    @router.get("")
    async def browse(principal: OptionalPrincipal) -> list[Item]:
        return []

    @app.get("/")
    async def home() -> str:
        return "home"

    app.include_router(router)
    return app


@pytest.fixture
def document(shop: FastAPI) -> dict[str, Any]:
    return shop.openapi()


@pytest.fixture
def guarded(shop: FastAPI, document: dict[str, Any]) -> list[GuardedOperation]:
    return guarded_operations(document, shop)


def test_operations_that_take_a_principal_are_found(guarded: list[GuardedOperation]) -> None:
    assert guarded == [
        GuardedOperation(path="/items/{item_id}", method="get"),
        GuardedOperation(path="/items/{item_id}", method="delete", needs_role=True),
        GuardedOperation(path="/items", method="get", is_optional=True),
        GuardedOperation(path="/items", method="post", scopes=("items:write",)),
    ]


def test_protect_extends_the_document_of_the_app(shop: FastAPI) -> None:
    before = copy.deepcopy(shop.openapi())
    shop.openapi_schema = None
    protect(shop, public=["/"], settings=AuthSettings.load(better_auth_secret="s" * 32))
    document = shop.openapi()
    assert shop.openapi() is document
    assert document["paths"]["/"] == before["paths"]["/"]
    assert "401" in document["paths"]["/items/{item_id}"]["get"]["responses"]

    @shop.get("/later")
    async def later(principal: CurrentPrincipal) -> None: ...

    assert "401" in shop.openapi()["paths"]["/later"]["get"]["responses"]


def test_protect_documents_the_session_cookie_if_the_settings_accept_one(shop: FastAPI) -> None:
    settings = AuthSettings.load(
        better_auth_url="https://auth.example.com",
        better_auth_secret="s" * 32,
        auth_cookie="compact",
    )
    protect(shop, public=["/"], settings=settings)
    security = shop.openapi()["paths"]["/items/{item_id}"]["get"]["security"]
    assert security == [{"Bearer": []}, {"SessionCookie": []}]


def test_guarded_operations_document_401_403_and_503(
    document: dict[str, Any], guarded: list[GuardedOperation]
) -> None:
    document_authentication(document, guarded, cookie_name="session")
    responses = document["paths"]["/items/{item_id}"]["get"]["responses"]
    assert set(responses) == {"200", "401", "403", "422", "503"}
    assert codes(responses["401"]) == ["missing_token", *CREDENTIALS]
    assert codes(responses["503"]) == ["verifier_unavailable"]
    assert set(responses["401"]["headers"]) == {"WWW-Authenticate"}
    assert set(responses["503"]["headers"]) == {"Retry-After"}
    assert "ProblemDetails" in document["components"]["schemas"]
    assert "FieldProblem" in document["components"]["schemas"]


def test_everything_else_in_the_document_stays(
    document: dict[str, Any], guarded: list[GuardedOperation]
) -> None:
    before = copy.deepcopy(document)
    document_authentication(document, guarded)
    assert document["info"] == before["info"]
    assert document["servers"] == before["servers"]
    assert document["paths"]["/"] == before["paths"]["/"]
    for name, schema in before["components"]["schemas"].items():
        assert document["components"]["schemas"][name] == schema
    for path, method in (("/items/{item_id}", "get"), ("/items", "post")):
        old, new = before["paths"][path][method], document["paths"][path][method]
        assert {**new, "responses": None} == {**old, "responses": None}
        for status, response in old["responses"].items():
            if status != "403":
                assert new["responses"][status] == response


def test_a_403_of_the_app_keeps_its_description_and_its_content(
    document: dict[str, Any], guarded: list[GuardedOperation]
) -> None:
    before = copy.deepcopy(document["paths"]["/items/{item_id}"]["get"]["responses"]["403"])
    document_authentication(document, guarded, cookie_name="session")
    response = document["paths"]["/items/{item_id}"]["get"]["responses"]["403"]
    assert response["description"] == before["description"]
    assert response["content"]["application/json"] == before["content"]["application/json"]
    assert codes(response) == ["origin_not_allowed"]


def test_only_the_app_answers_403_without_session_cookies(
    document: dict[str, Any], guarded: list[GuardedOperation]
) -> None:
    before = copy.deepcopy(document["paths"]["/items/{item_id}"]["get"]["responses"]["403"])
    document_authentication(document, guarded)
    assert document["paths"]["/items/{item_id}"]["get"]["responses"]["403"] == before


def test_a_missing_scope_is_a_403_that_names_the_scope(
    document: dict[str, Any], guarded: list[GuardedOperation]
) -> None:
    document_authentication(document, guarded)
    operation = document["paths"]["/items"]["post"]
    assert codes(operation["responses"]["403"]) == ["insufficient_scope"]
    assert "`items:write`" in operation["responses"]["403"]["description"]
    assert "WWW-Authenticate" in operation["responses"]["403"]["headers"]
    assert operation["security"] == [{"Bearer": ["items:write"]}]


def test_a_missing_role_is_a_403(document: dict[str, Any]) -> None:
    admin = GuardedOperation(path="/", method="get", needs_role=True)
    document_authentication(document, [admin], cookie_name="session")
    operation = document["paths"]["/"]["get"]
    assert codes(operation["responses"]["403"]) == ["origin_not_allowed", "missing_role"]
    assert operation["security"] == [{"Bearer": []}, {"SessionCookie": []}]


def test_an_optional_principal_is_documented_as_optional(document: dict[str, Any]) -> None:
    optional = GuardedOperation(path="/items/{item_id}", method="get", is_optional=True)
    document_authentication(document, [optional], cookie_name="session")
    operation = document["paths"]["/items/{item_id}"]["get"]
    assert operation["security"] == [{"Bearer": []}, {"SessionCookie": []}, {}]
    assert codes(operation["responses"]["401"]) == CREDENTIALS


def test_the_session_cookie_is_a_security_scheme(
    document: dict[str, Any], guarded: list[GuardedOperation]
) -> None:
    document_authentication(document, guarded, cookie_name="session")
    assert document["components"]["securitySchemes"]["SessionCookie"] == {
        "type": "apiKey",
        "in": "cookie",
        "name": "session",
    }


def test_a_second_call_changes_nothing(
    document: dict[str, Any], guarded: list[GuardedOperation]
) -> None:
    document_authentication(document, guarded, cookie_name="session")
    first = copy.deepcopy(document)
    document_authentication(document, guarded, cookie_name="session")
    assert document == first


def test_operations_that_the_document_does_not_list_are_ignored(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    document_authentication(document, [GuardedOperation(path="/hidden", method="get")])
    assert document == before


def codes(response: dict[str, Any]) -> list[str]:
    found: list[str] = response["content"][PROBLEM]["schema"]["allOf"][1]["properties"]["code"][
        "enum"
    ]
    return found
