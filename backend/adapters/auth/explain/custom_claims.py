"""Explains the claims of `AUTH_CLAIMS` that routes get."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.adapters.auth.redaction.values import redacted
from backend.domain.diagnosis import Finding
from backend.domain.read_only import plain

DEFINE_PAYLOAD: Final = (
    "Optional fields may be missing. If the session has the field, return it from `definePayload`"
    " of the jwt plugin: tokens contain only the user by default."
)

MAP_CLAIMS: Final = (
    "Optional fields may be missing. Let the issuer add the claims to access tokens; by default,"
    " many issuers add them to ID tokens only."
)


def claims_finding(
    claims: Mapping[str, Any], names: Sequence[str], *, remedy: str | None = None
) -> Finding:
    """Describe the claims of a principal, without secrets.

    Args:
        claims: The claims of the principal.
        names: The names in `AUTH_CLAIMS`.
        remedy: The advice if claims are missing.
    """
    missing = [name for name in names if name not in claims]
    found = [json.dumps(redacted(plain(claims)))] if claims else []
    found += [f"missing or ignored: {', '.join(missing)}"] if missing else []
    return Finding(check="claims", found="; ".join(found), remedy=remedy if missing else None)
