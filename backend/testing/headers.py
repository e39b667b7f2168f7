"""The headers that carry credentials."""

from backend.testing.session_cookies import COOKIE_NAME


def bearer(token: str) -> dict[str, str]:
    """Return the header of a request with a bearer token."""
    return {"Authorization": f"Bearer {token}"}


def cookie(value: str, *, name: str = COOKIE_NAME) -> dict[str, str]:
    """Return the header of a request with a session cookie.

    Args:
        value: The value of the cookie.
        name: The name of the cookie, which starts with `__Secure-` if Better Auth's URL is https.
    """
    return {"Cookie": f"{name}={value}"}
