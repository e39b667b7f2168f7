"""Checks the settings of session cookies and the shared secrets, without a request."""

from collections.abc import Callable, Collection, Mapping, Sequence

from backend.adapters.auth.explain.context import OFF
from backend.domain.diagnosis import Finding


def diagnose_cookies(
    strategy: str, *, name: str, has_secret: bool, origins: Collection[str]
) -> list[Finding]:
    """Say which session cookies are accepted; nothing if none are.

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


def diagnose_secrets(secrets: Sequence[str]) -> list[Finding]:
    """Find secrets that a shell or a file has changed, without showing any part of them.

    Args:
        secrets: The shared secrets.
    """
    problems: Mapping[str, Callable[[str], object]] = {
        "begins or ends with a quotation mark": lambda text: text[0] in "\"'" or text[-1] in "\"'",
        "begins or ends with whitespace or a line break": lambda text: text != text.strip(),
    }
    return [
        Finding(
            check="secret",
            problem=f"a shared secret {problem}, which is part of the secret then",
            remedy="Remove it, unless the secret in Better Auth has it as well.",
        )
        for problem, is_found in problems.items()
        if any(secret and is_found(secret) for secret in secrets)
    ]
