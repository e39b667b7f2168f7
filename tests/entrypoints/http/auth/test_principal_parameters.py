"""No route takes a principal from the request, for every way to write its parameter."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, NamedTuple, NewType, Optional, TypeVar, Union

import pytest
from fastapi import APIRouter, Body, Cookie, Depends, FastAPI, Form, Header, Query, WebSocket
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Json,
    RootModel,
    SkipValidation,
    computed_field,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Host, Mount
from typing_extensions import TypeAliasType, TypedDict

from backend.domain.auth import Principal
from backend.entrypoints.http import CurrentPrincipal, ProtectedRoute
from backend.entrypoints.http.auth.principal_parameters import (
    PrincipalFromRequestError,
    require_verified_principals,
)
from tests.entrypoints.http.asgi_client import app_lifespan, send_request
from tests.entrypoints.http.auth.bearer import ADA, JSON
from tests.entrypoints.http.conftest import MakeApp
from tests.ids import text_without_addresses

T = TypeVar("T")
P = TypeVar("P", bound=Principal)
UserId = NewType("UserId", str)
Owner = NewType("Owner", Principal)
Anybody = TypeAliasType("Anybody", Principal | None)


class Admin(Principal):
    """A principal of a narrower type."""


class Model(BaseModel):
    owner: Principal


class OptionalModel(BaseModel):
    owner: CurrentPrincipal | None = None


class NamedAsInSchemas(BaseModel):
    type: str = ""
    return_schema: Principal


class TypedAsInSchemas(TypedDict):
    computed_fields: Principal


class Outer(BaseModel):
    inner: list[dict[str, Model]] = []


class Unvalidated(BaseModel):
    owner: SkipValidation[Principal]


class Deferred(BaseModel):
    model_config = ConfigDict(defer_build=True)
    owner: Principal


class Page(BaseModel, Generic[T]):
    items: list[T]


class Bound(BaseModel, Generic[P]):
    owner: P


class Tree(BaseModel):
    children: "list[Tree]" = []
    owner: Principal | None = None


class Root(RootModel[tuple[int, Principal]]):
    pass


@dataclass
class Data:
    owner: Principal


@pydantic_dataclass
class PydanticData:
    owner: Principal | None = None


class Pair(NamedTuple):
    number: int
    owner: Principal | None = None


class Typed(TypedDict):
    owner: Principal


FORGEABLE: list[Any] = [
    Principal,
    Principal | None,
    Optional[Principal],  # noqa: UP045 - another spelling of the type
    Union[Principal, None],  # noqa: UP007 - another spelling of the type
    CurrentPrincipal | None,
    Optional[CurrentPrincipal],  # noqa: UP045 - another spelling of the type
    Union[None, CurrentPrincipal],  # noqa: UP007 - another spelling of the type
    CurrentPrincipal | str,
    Annotated[Principal | None, "a note"],
    Annotated[CurrentPrincipal | None, "a note"],
    Annotated[CurrentPrincipal, Body()],
    Annotated[Principal, Body(embed=True)],
    Annotated[Principal | None, Body()],
    Annotated[Json[Principal], Query()],
    Annotated[Json[Principal], Header()],
    Annotated[Json[Principal], Cookie()],
    Annotated[Model, Query()],
    Annotated[OptionalModel, Header()],
    Annotated[OptionalModel, Cookie()],
    *(Admin, Admin | None),
    Owner,
    Anybody,
    "Principal | None",
    "CurrentPrincipal | None",
    list[Principal],
    list[CurrentPrincipal],
    set[Principal],
    frozenset[Principal],
    Sequence[Principal],
    Iterable[Principal],
    tuple[Principal, ...],
    tuple[int, Principal],
    dict[str, Principal],
    Mapping[Principal, str],
    dict[str, list[tuple[int, CurrentPrincipal | None]]],
    SkipValidation[Principal],
    Annotated[Any, AfterValidator(Principal._make)],
    Annotated[str, AfterValidator(functools.partial(Principal, expires_at=9e12))],
    # Names that only a type checker imports.
    "guards.CurrentPrincipal | None",
    "Unknown[Principal]",
    Model,
    Model | None,
    OptionalModel,
    NamedAsInSchemas,
    TypedAsInSchemas,
    Outer,
    Unvalidated,
    Deferred,
    Page[Principal],
    Page[CurrentPrincipal],
    Page[Page[Model]],
    Bound,
    Bound[Admin],
    Tree,
    Root,
    Data,
    list[Data],
    PydanticData,
    Pair,
    Typed,
]
HARMLESS: list[Any] = [
    CurrentPrincipal,
    Annotated[CurrentPrincipal, "a note"],
    str | None,
    UserId,
    list[str],
    dict[str, Any],
    Page[int],
    Any,
    "Unknown | None",
]


def endpoint_with(annotation: Any, default: Any = ...) -> Callable[..., Any]:
    """Make an endpoint whose parameter `owner` has an annotation and perhaps a default."""

    async def endpoint(owner: Any) -> str:
        return repr(owner)

    endpoint.__defaults__ = None if default is ... else (default,)
    endpoint.__annotations__["owner"] = annotation
    return endpoint


@pytest.fixture(autouse=True)
def multipart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let routes read forms. FastAPI reads a named tuple from a form."""
    check = "fastapi.dependencies.utils.ensure_multipart_is_installed"
    monkeypatch.setattr(check, lambda: None)


async def refusal(app: FastAPI) -> PrincipalFromRequestError:
    """Return the error that stops an app from starting."""
    with pytest.raises(PrincipalFromRequestError) as failure:
        async with app_lifespan(app):
            pass
    return failure.value


@pytest.mark.parametrize("annotation", FORGEABLE, ids=text_without_addresses)
@pytest.mark.parametrize("default", [..., None])
def test_a_principal_in_a_parameter_is_refused(annotation: Any, default: Any) -> None:
    app = FastAPI()
    app.add_api_route("/notes", endpoint_with(annotation, default), methods=["POST"])
    with pytest.raises(PrincipalFromRequestError) as failure:
        require_verified_principals(app)
    (parameter,) = failure.value.parameters
    assert (parameter.path, parameter.name, parameter.function) == ("/notes", "owner", "endpoint")


@pytest.mark.parametrize("annotation", HARMLESS, ids=text_without_addresses)
@pytest.mark.parametrize("default", [..., None])
def test_other_parameters_are_accepted(annotation: Any, default: Any) -> None:
    app = FastAPI()
    app.add_api_route("/notes", endpoint_with(annotation, default), methods=["POST"])
    require_verified_principals(app)


@pytest.mark.anyio
@pytest.mark.parametrize("source", [Body(), Body(None), Query(None), Header(None), Cookie(None)])
async def test_a_source_as_default_stops_the_start(make_app: MakeApp, source: Any) -> None:
    app = make_app()
    annotation = Json[Principal] | None if source.default is None else Principal
    app.add_api_route("/notes", endpoint_with(annotation, source), methods=["POST"])
    assert [parameter.name for parameter in (await refusal(app)).parameters] == ["owner"]


@pytest.mark.anyio
async def test_forms_stop_the_start(make_app: MakeApp) -> None:
    app = make_app()
    for number, annotation in enumerate([Json[Principal], Model, Model | None]):
        endpoint = endpoint_with(Annotated[annotation, Form()])
        app.add_api_route(f"/{number}", endpoint, methods=["POST"])
    assert {parameter.source for parameter in (await refusal(app)).parameters} == {"form"}
    assert len((await refusal(app)).parameters) == 3


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("annotation", "source"),
    [
        (CurrentPrincipal | None, "body"),
        (Principal | None, "form"),
        (Annotated[Json[Principal], Query()], "query"),
        (Annotated[Json[Principal], Header()], "header"),
        (Annotated[Json[Principal], Cookie()], "cookie"),
    ],
)
async def test_the_message_names_the_route_and_what_to_write(
    make_app: MakeApp, annotation: Any, source: str
) -> None:
    app = make_app()
    app.add_api_route("/notes", endpoint_with(annotation))
    assert str(await refusal(app)) == (
        f"/notes: `owner` of `endpoint` would be read from the {source} of a request, so any client"
        " could pretend to be any user. Write `principal: CurrentPrincipal`, without `| None`,"
        " `Body()` or `Depends()`, and take principals out of the models of requests."
    )


# --- Constructors as dependencies -----------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("annotation", "default"),
    [
        (Principal, Depends()),
        (Principal, Depends(Principal)),
        (Principal, Depends(Admin)),
        (Annotated[Principal, Depends()], ...),
        (Annotated[Principal, Depends()], None),
        (Annotated[CurrentPrincipal, Depends()], ...),
        (Any, Depends(Principal)),
        (Any, Depends(functools.partial(Principal, expires_at=9e12))),
        (Any, Depends(Principal._make)),
    ],
)
async def test_a_constructor_as_dependency_stops_the_start(
    make_app: MakeApp, annotation: Any, default: Any
) -> None:
    app = make_app()
    app.add_api_route("/notes", endpoint_with(annotation, default))
    assert "owner" in {parameter.name for parameter in (await refusal(app)).parameters}


async def owner_in_body(owner: Principal | None = None) -> Principal | None:
    return owner


async def nested(found: Annotated[Principal | None, Depends(owner_in_body)]) -> object:
    return found


class Finder:
    """A dependency that is an object."""

    def __call__(self, owner: Principal | None = None) -> Principal | None:
        return owner


def generator(owner: Principal | None = None) -> Iterable[Principal | None]:
    yield owner


@pytest.mark.anyio
@pytest.mark.parametrize(
    "dependency",
    [
        owner_in_body,
        nested,
        Finder(),
        generator,
        functools.partial(owner_in_body),
        Model,
        Data,
        Pair,
        lambda owner: owner,
    ],
)
@pytest.mark.parametrize("place", ["parameter", "route", "router", "include"])
async def test_dependencies_that_read_a_principal_stop_the_start(
    make_app: MakeApp, dependency: Callable[..., Any], place: str
) -> None:
    if getattr(dependency, "__name__", "") == "<lambda>":
        dependency.__annotations__["owner"] = Principal
    dependencies, app = [Depends(dependency)], make_app()
    router = APIRouter(dependencies=dependencies if place == "router" else None)
    endpoint = endpoint_with(Any, dependencies[0]) if place == "parameter" else endpoint_with(str)
    router.add_api_route("/notes", endpoint, dependencies=dependencies * (place == "route"))
    app.include_router(router, dependencies=dependencies * (place == "include"))
    (parameter,) = (await refusal(app)).parameters
    assert (parameter.path, parameter.name) == ("/notes", "owner")


@pytest.mark.anyio
async def test_a_dependency_that_verifies_the_caller_may_return_a_principal(
    make_app: MakeApp,
) -> None:
    async def administrator(principal: CurrentPrincipal) -> Principal:
        return principal

    app = make_app()

    @app.get("/notes")
    async def notes(owner: Annotated[Principal, Depends(administrator)]) -> str:
        return owner.user_id

    async with app_lifespan(app):
        assert (await send_request(app, "/notes", headers=[ADA])).json() == "ada"
        assert (await send_request(app, "/notes")).status == 401


# --- Every kind and place of route ----------------------------------------------------------------


forgeable = endpoint_with(Principal | None, None)


def public_route(app: FastAPI) -> None:
    app.add_api_route("/public", forgeable)


def protected_route(app: FastAPI) -> None:
    router = APIRouter(route_class=ProtectedRoute)

    async def endpoint(principal: CurrentPrincipal, owner: Principal | None = None) -> str:
        return repr((principal, owner))

    router.add_api_route("/api/public", endpoint)
    app.include_router(router)


def nested_router(app: FastAPI) -> None:
    inner, middle = APIRouter(), APIRouter()
    inner.add_api_route("/public", forgeable)
    middle.include_router(inner, prefix="/v1")
    app.include_router(middle, prefix="/x")


def sub_application(app: FastAPI) -> None:
    inner = FastAPI(openapi_url=None)
    inner.add_api_route("/public", forgeable)
    app.mount("/sub", inner)


def deep_sub_application(app: FastAPI) -> None:
    inner = FastAPI(openapi_url=None)
    sub_application(inner)
    app.mount("/", Starlette(routes=[Mount("/deep", app=inner)]))


def sub_application_in_a_router(app: FastAPI) -> None:
    router = APIRouter()
    inner = FastAPI(openapi_url=None)
    inner.add_api_route("/public", forgeable)
    router.mount("/sub", inner)
    app.include_router(router, prefix="/x")


def wrapped_sub_application(app: FastAPI) -> None:
    inner = FastAPI(openapi_url=None)
    inner.add_api_route("/public", forgeable)
    app.mount("/sub", GZipMiddleware(BaseHTTPMiddleware(inner)))


def mount_with_middleware(app: FastAPI) -> None:
    inner = FastAPI(openapi_url=None)
    inner.add_api_route("/public", forgeable)
    app.router.routes.append(Mount("/sub", inner, middleware=[Middleware(GZipMiddleware)]))


def host(app: FastAPI) -> None:
    inner = FastAPI(openapi_url=None)
    inner.add_api_route("/public", forgeable)
    app.router.routes.append(Host("x.example.com", inner))


def websocket(app: FastAPI) -> None:
    async def endpoint(socket: WebSocket, owner: Annotated[Json[Principal], Query()]) -> None:
        await socket.send_text(repr(owner))

    app.add_api_websocket_route("/public", endpoint)


def websocket_in_a_router(app: FastAPI) -> None:
    async def endpoint(socket: WebSocket) -> None:
        await socket.close()

    router = APIRouter(dependencies=[Depends(owner_in_body)])
    router.add_api_websocket_route("/public", endpoint)
    app.include_router(router, prefix="/x")


PLACES: dict[Callable[[FastAPI], None], str] = {
    public_route: "/public",
    protected_route: "/api/public",
    nested_router: "/x/v1/public",
    sub_application: "/sub/public",
    deep_sub_application: "/deep/sub/public",
    sub_application_in_a_router: "/x/sub/public",
    wrapped_sub_application: "/sub/public",
    mount_with_middleware: "/sub/public",
    host: "/public",
    websocket: "/public",
    websocket_in_a_router: "/x/public",
}


@pytest.mark.anyio
@pytest.mark.parametrize(("add", "path"), PLACES.items())
async def test_routes_of_every_kind_are_checked(
    make_app: MakeApp, add: Callable[[FastAPI], None], path: str
) -> None:
    app = make_app(public=("/", path))
    add(app)
    (parameter,) = (await refusal(app)).parameters
    assert (parameter.path, parameter.name) == (path, "owner")


@pytest.mark.anyio
async def test_dependencies_of_a_front_end_are_checked(make_app: MakeApp, tmp_path: Any) -> None:
    app, router = make_app(), APIRouter(dependencies=[Depends(owner_in_body)])
    router.frontend("/pages", directory=tmp_path)
    app.include_router(router)
    (parameter,) = (await refusal(app)).parameters
    assert parameter.name == "owner"


@pytest.mark.anyio
async def test_every_parameter_is_named_at_once(make_app: MakeApp) -> None:
    app = make_app()
    public_route(app)
    nested_router(app)
    error = await refusal(app)
    assert [parameter.path for parameter in error.parameters] == ["/public", "/x/v1/public"]
    assert "/public: `owner`" in str(error)
    assert "/x/v1/public: `owner`" in str(error)


# --- Principals that do not come from the request -------------------------------------------------


class Answer(BaseModel):
    owner: Principal


class WithComputedOwner(BaseModel):
    text: str = ""

    @computed_field  # type: ignore[prop-decorator]  # mypy cannot check it
    @property
    def owner(self) -> Principal:
        return Principal(self.text, 1)


@dataclass
class WithHiddenOwner:
    text: str = ""
    owner: Principal | None = field(default=None, init=False)


@pytest.mark.anyio
async def test_principals_in_responses_do_not_stop_the_start(make_app: MakeApp) -> None:
    app = make_app()

    @app.post("/notes", response_model=Answer)
    async def notes(principal: CurrentPrincipal, body: WithComputedOwner) -> dict[str, Any]:
        return {"owner": principal, "text": body.text}

    async with app_lifespan(app):
        response = await send_request(
            app, "/notes", method="POST", headers=[ADA, JSON], body=[b"{}"]
        )
        assert response.json()["owner"][0] == "ada"


@pytest.mark.anyio
async def test_a_default_never_replaces_the_verified_caller(make_app: MakeApp) -> None:
    app = make_app()
    app.add_api_route("/notes", endpoint_with(CurrentPrincipal, Body(None)), methods=["POST"])
    app.add_api_route("/more", endpoint_with(CurrentPrincipal, None), methods=["POST"])
    forged = b'["victim", 9e12]'
    async with app_lifespan(app):
        for path in ("/notes", "/more"):
            parts: dict[str, Any] = {"method": "POST", "body": [forged]}
            assert (await send_request(app, path, headers=[JSON], **parts)).status == 401
            response = await send_request(app, path, headers=[ADA, JSON], **parts)
            assert "ada" in response.json()
