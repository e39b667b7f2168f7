"""`GET /api/me`: the verified caller."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from backend.domain.auth import Principal
from backend.domain.read_only import plain
from backend.entrypoints.http.auth.dependencies import CurrentPrincipal
from backend.entrypoints.http.auth.protected_route import ProtectedRoute
from backend.entrypoints.http.model_response import ModelResponse


class PrincipalResponse(BaseModel):
    """The verified caller."""

    model_config = ConfigDict(val_temporal_unit="seconds")  # else Pydantic guesses the unit

    user_id: str = Field(description="The issuer's identifier of the user.")
    email: str | None = Field(description="Null if the issuer does not disclose it.")
    email_verified: bool = Field(description="Whether the issuer has verified the address.")
    name: str | None = Field(description="Null if the issuer does not disclose it.")
    roles: list[str] = Field(description="Roles that the issuer asserts.")
    scopes: list[str] = Field(description="OAuth scopes of the token.")
    claims: dict[str, Any] = Field(description="Further claims that the operator chose.")
    expires_at: datetime = Field(description="When the token or session expires.")
    is_machine: bool = Field(description="Whether the caller is a client without a user.")


router = APIRouter(prefix="/api/me", tags=["me"], route_class=ProtectedRoute)


@router.get("", summary="Who am I?", response_model=PrincipalResponse)
async def read_me(principal: CurrentPrincipal) -> ModelResponse:
    """Return the verified caller."""
    return principal_response(principal)


def principal_response(principal: Principal) -> ModelResponse:
    """Return the response that shows a principal."""
    body = PrincipalResponse.model_validate(
        {
            "user_id": principal.user_id,
            "email": principal.email,
            "email_verified": principal.email_verified,
            "name": principal.name,
            "roles": sorted(principal.roles),
            "scopes": sorted(principal.scopes),
            "claims": plain(principal.claims),
            "expires_at": principal.expires_at,
            "is_machine": principal.is_machine,
        }
    )
    return ModelResponse(body)
