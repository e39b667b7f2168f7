"""Startup check: no route reads a principal from the request.

FastAPI reads every parameter that is not a dependency from the request. `CurrentPrincipal | None`
is not a dependency: Python's union drops the `Security` of `CurrentPrincipal`. So FastAPI would
read the principal from the body, and any client could be any user.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

from fastapi import params
from fastapi.dependencies.models import Dependant
from pydantic import PydanticUserError, TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation

from backend.domain.auth import Principal
from backend.entrypoints.http.auth.routes import all_apps, all_routes, frontends

WHAT_TO_WRITE: Final = (
    "Write `principal: CurrentPrincipal`, without `| None`, `Body()` or `Depends()`, and take"
    " principals out of the models of requests."
)

# Keys of a core schema that describe responses only. Fields can have the same names.
_OUTPUT_KEYS: Final = frozenset({"computed_fields", "return_schema"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalParameter:
    """A parameter that FastAPI would fill with a principal from the request.

    Attributes:
        path: The path template of the route.
        name: The parameter.
        function: The endpoint or dependency that has the parameter.
        source: The part of the request: `body`, `form`, `query`, `header`, `cookie` or `path`.
    """

    path: str
    name: str
    function: str
    source: str

    @property
    def problem(self) -> str:
        """The problem, as a phrase without a full stop."""
        return (
            f"`{self.name}` of `{self.function}` would be read from the {self.source} of a request,"
            " so any client could pretend to be any user"
        )


class PrincipalFromRequestError(Exception):
    """Routes would read a principal from the request.

    Attributes:
        parameters: Every such parameter.
    """

    def __init__(self, parameters: Sequence[PrincipalParameter]) -> None:
        self.parameters = tuple(parameters)
        problems = [f"{parameter.path}: {parameter.problem}." for parameter in parameters]
        super().__init__(" ".join([*problems, WHAT_TO_WRITE]))


def require_verified_principals(app: object) -> None:
    """Check that no route of an app, or of an app that it mounts, reads a principal from a request.

    Args:
        app: The app, with all of its routes.

    Raises:
        PrincipalFromRequestError: A route reads a principal from a request; the error names all
            such parameters.
    """
    parameters = [
        PrincipalParameter(path=path, name=name, function=function, source=source)
        for path, dependant in _dependants(app)
        for name, function, source in _principals(dependant)
    ]
    if parameters:
        raise PrincipalFromRequestError(parameters)


def _dependants(app: Any) -> Iterator[tuple[str, Dependant]]:
    """Find the path and the dependencies of each route of an app and of the apps that it mounts."""
    for route in all_routes(app):
        if route.dependant is not None:
            yield route.path, route.dependant
    for prefix, inner in all_apps(app):
        for path, dependant in frontends(inner).items():
            yield prefix + path, dependant


def _principals(dependant: Dependant) -> Iterator[tuple[str, str, str]]:
    """Find the parameters of a function, and of its dependencies, that would take a principal.

    Returns:
        The name, the function and the source of each parameter.
    """
    function = getattr(dependant.call, "__name__", type(dependant.call).__name__)
    fields = (
        *dependant.path_params,
        *dependant.query_params,
        *dependant.header_params,
        *dependant.cookie_params,
        *dependant.body_params,
    )
    for field in fields:
        if _may_be_principal(field.field_info.annotation, field.field_info.metadata):
            yield field.name, function, _source(field.field_info)
    for dependency in dependant.dependencies:
        if _is_principal_class(dependency.call):
            # FastAPI would call the class with values from the query.
            yield dependency.name or "a dependency", function, "query"
        else:
            yield from _principals(dependency)


def _source(field: object) -> str:
    if isinstance(field, params.Param):
        return str(field.in_.value)
    return "form" if isinstance(field, params.Form) else "body"


def _may_be_principal(annotation: Any, metadata: Sequence[Any]) -> bool:
    """Return whether a validated value of a type is or contains a principal."""
    try:
        adapter = TypeAdapter(Annotated[annotation, "parameter", *metadata])
        return _mentions_principal(adapter.core_schema)
    except (PydanticUserError, PydanticUndefinedAnnotation):
        # The type has a name that is not defined here, such as an import for type checkers only.
        return Principal.__name__ in repr(annotation)


def _mentions_principal(schema: object) -> bool:
    """Return whether a part of a core schema of Pydantic makes a principal."""
    match schema:
        case Mapping():
            is_schema = isinstance(schema.get("type"), str)  # else a mapping of names to fields
            return any(
                _mentions_principal(value)
                for key, value in schema.items()
                if not (is_schema and key in _OUTPUT_KEYS)
            )
        case list() | tuple():
            return any(map(_mentions_principal, schema))
    return _is_principal_class(schema)


def _is_principal_class(value: object) -> bool:
    """Return whether a value is the class of principals, or a way to call its constructor."""
    if isinstance(value, partial):
        return _is_principal_class(value.func)
    if isinstance(value, type):
        return issubclass(value, Principal)
    owner = getattr(value, "__self__", None)  # of a method, such as `Principal._make`
    return isinstance(owner, type) and issubclass(owner, Principal)
