"""Describes the session cookies that an installation accepts."""

from collections.abc import Collection

from backend.adapters.auth.explain.context import OFF
from backend.domain.diagnosis import Finding


def diagnose_cookies(
    strategy: str, *, name: str, has_secret: bool, origins: Collection[str]
) -> list[Finding]:
    """Describe the accepted session cookies; return no finding if cookies are not accepted.

    Args:
        strategy: The accepted strategy, or `off`.
        name: The name of the cookie, without `__Secure-`.
        has_secret: Whether a shared secret is configured.
        origins: The origins whose pages may change data.
    """
    if strategy == OFF:
        return []
    by = "the secret" if has_secret else "the key set"
    pages = ", ".join(sorted(origins)) or "no origin"
    found = (
        f"strategy {strategy}, verified with {by}, in the cookie {name}. Changes need an `Origin`"
        f" header with {pages}. To check a cookie: python -m backend explain"
    )
    return [Finding(check="session cookies", found=found)]
