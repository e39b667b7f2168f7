"""Authentication in the OpenAPI document: the security schemes, and the answers 401, 403 and 503.

The functions here only add to a document, so they suit the document of any FastAPI app.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from fastapi.encoders import jsonable_encoder

from backend.entrypoints.http.auth.dependencies import authenticated
from backend.entrypoints.http.openapi.components import add_components
from backend.entrypoints.http.openapi.problems import add_codes

BEARER: Final = authenticated.scheme_name
SESSION_COOKIE: Final = "SessionCookie"

_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_BEARER_SCHEME: Final = jsonable_encoder(authenticated.model, by_alias=True, exclude_none=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedOperation:
    """An operation that authenticates its caller.

    Attributes:
        path: The path in the document, for example `/notes/{note_id}`.
        method: The method in lower case.
        scopes: The OAuth scopes that the caller needs.
        needs_role: Whether the caller needs a role.
        is_optional: Whether the caller may send no credentials.
    """

    path: str
    method: str
    scopes: tuple[str, ...] = ()
    needs_role: bool = False
    is_optional: bool = False


def operations_of(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Return the path, method and description of every operation in a document."""
    for path, item in document.get("paths", {}).items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def document_authentication(
    document: dict[str, Any],
    operations: Iterable[GuardedOperation],
    *,
    cookie_name: str | None = None,
) -> None:
    """Document how operations authenticate, and with which problems they reject callers.

    Everything else in the document stays as it is. A second call changes nothing.

    Args:
        document: An OpenAPI document, which is changed in place.
        operations: The operations that authenticate. Operations that the document does not list
            are ignored.
        cookie_name: The name of the session cookie; None if session cookies are not accepted.
    """
    for guarded in operations:
        operation = document.get("paths", {}).get(guarded.path, {}).get(guarded.method)
        if operation is not None:
            _document_security(operation, guarded, has_cookie=cookie_name is not None)
            _document_problems(operation, guarded, has_cookie=cookie_name is not None)
            _add_schemes(document, cookie_name)
    add_components(document)


def _document_security(
    operation: dict[str, Any], guarded: GuardedOperation, *, has_cookie: bool
) -> None:
    security = operation.setdefault("security", [])
    documented = {name for requirement in security for name in requirement}
    names = [BEARER, SESSION_COOKIE] if has_cookie else [BEARER]
    security += [{name: [*guarded.scopes]} for name in names if name not in documented]
    if guarded.is_optional and {} not in security:
        security.append({})


def _document_problems(
    operation: dict[str, Any], guarded: GuardedOperation, *, has_cookie: bool
) -> None:
    missing = () if guarded.is_optional else ("missing_token",)
    origin = ("origin_not_allowed",) if has_cookie else ()
    scope = ("insufficient_scope",) if guarded.scopes else ()
    role = ("missing_role",) if guarded.needs_role else ()
    codes = (
        *missing,
        "malformed_authorization",
        "token_expired",
        "invalid_token",
        *origin,
        *scope,
        *role,
        "verifier_unavailable",
    )
    responses = operation.setdefault("responses", {})
    add_codes(responses, codes)
    needs = f"Needs the scope `{' '.join(guarded.scopes)}`."
    if guarded.scopes and needs not in responses["403"]["description"]:
        responses["403"]["description"] += f" {needs}"


def _add_schemes(document: dict[str, Any], cookie_name: str | None) -> None:
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes.setdefault(BEARER, dict(_BEARER_SCHEME))
    if cookie_name is not None:
        schemes[SESSION_COOKIE] = {"type": "apiKey", "in": "cookie", "name": cookie_name}
