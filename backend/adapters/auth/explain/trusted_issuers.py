"""Explains which of several trusted issuers has issued a token, or why no trusted issuer has."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from backend.adapters.auth.better_auth.tokens import BASE_PATH
from backend.adapters.auth.issuers import issuer_of
from backend.adapters.auth.jose.jws import decode_object, parse_compact
from backend.adapters.auth.redaction.values import any_of, quoted, redacted
from backend.domain.auth import AuthError, InvalidIssuerError, MissingClaimError
from backend.domain.diagnosis import Explanation, Finding

_CHECK: Final = "trusted issuer"
_NO_ISSUER: Final = (
    "The claim iss chooses an entry of AUTH_TRUSTED_ISSUERS. Add the claim where the token is"
    " issued."
)


def entry_of(token: str, entries: Mapping[str, str], *, max_length: int) -> str | None:
    """Return the name of the entry that verifies a token; None without such an entry.

    Args:
        token: The text that was sent as a bearer token. Untrusted and secret.
        entries: The names of the entries, by the `iss` that each of them accepts.
        max_length: The maximum number of characters of a token.
    """
    try:
        return entries.get(issuer_of(token, max_length=max_length))
    except AuthError:
        return None


def explain_without_entry(
    token: str, entries: Mapping[str, str], *, max_length: int
) -> Explanation | None:
    """Explain why no trusted issuer has issued a token; None if a trusted issuer has.

    Args:
        token: The text that was sent as a bearer token. Untrusted and secret.
        entries: The names of the entries, by the `iss` that each of them accepts.
        max_length: The maximum number of characters of a token.

    Returns:
        None if the token is from a trusted issuer. Also None if the text is not a token, because
        every issuer refuses such a text for the same reason.
    """
    try:
        segment, payload, *_ = parse_compact(token, max_length=max_length)
        header = decode_object(segment)
        claims = decode_object(payload, lone_surrogates=True)
    except AuthError:
        return None
    if entry_of(token, entries, max_length=max_length) is not None:
        return None
    failure: AuthError = InvalidIssuerError("iss is not a trusted issuer")
    if claims.get("iss") is None:
        failure = MissingClaimError("iss")
    issuer = claims.get("iss")
    finding = Finding(
        check=_CHECK,
        found=quoted(issuer, name="iss") if "iss" in claims else "none",
        expected=any_of(frozenset(entries)),
        problem=str(failure),
        remedy=_remedy(issuer, entries) if isinstance(issuer, str) else _NO_ISSUER,
    )
    return Explanation(
        header=redacted(header),
        claims=redacted(claims),
        findings=[finding],
        code=failure.code,
        reason=failure.reason,
    )


def with_entry(explanation: Explanation, name: str, prefix: str) -> Explanation:
    """Add a finding about the chosen entry before all other findings.

    Args:
        explanation: The result of the checks.
        name: The name of the entry.
        prefix: The prefix of the ids of its users; empty without a prefix.
    """
    found = f"{name}, an entry of AUTH_TRUSTED_ISSUERS"
    if prefix:
        found += f"; the ids of its users start with {prefix}"
    finding = Finding(check=_CHECK, found=found)
    return replace(explanation, findings=[finding, *explanation.findings])


def _remedy(issuer: str, entries: Mapping[str, str]) -> str:
    similar = {_simplified(accepted): name for accepted, name in entries.items()}
    if name := similar.get(_simplified(issuer)):
        return (
            f"The issuer differs from that of the entry {name} by a slash, or by lower and upper"
            " case. The entry must have the issuer exactly as its tokens have it in iss."
        )
    if name := entries.get(issuer.removesuffix(BASE_PATH)):
        return (
            "This looks like an OAuth access token. To accept such tokens, set AUTH_RESOURCE in"
            f" the entry {name}: see docs/oauth.md."
        )
    return "If you trust this issuer, add an entry for it to AUTH_TRUSTED_ISSUERS."


def _simplified(issuer: str) -> str:
    return issuer.rstrip("/").lower()
