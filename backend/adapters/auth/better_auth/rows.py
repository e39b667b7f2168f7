"""The rows of Better Auth's tables, as Better Auth writes them into tokens and cookies."""

from typing import Any

from backend.adapters.auth.jose.encoding import iso


def user_row(user_id: str, *, now: float) -> dict[str, Any]:
    """Return the row of a user. The name and the e-mail address are derived from the id.

    Args:
        user_id: The id of the user.
        now: When the user signed up, in seconds since the epoch.
    """
    return {
        "name": user_id,
        "email": f"{user_id}@example.com",
        "emailVerified": False,
        "image": None,
        "createdAt": iso(now),
        "updatedAt": iso(now),
        "id": user_id,
    }


def session_row(user_id: str, *, token: str, now: float, end: float) -> dict[str, Any]:
    """Return the row of a session.

    Args:
        user_id: The id of the user.
        token: The token of the session.
        now: When the user signed in, in seconds since the epoch.
        end: When the session expires, in seconds since the epoch.
    """
    return {
        "expiresAt": iso(end),
        "token": token,
        "createdAt": iso(now),
        "updatedAt": iso(now),
        "ipAddress": "127.0.0.1",
        "userAgent": "a browser",
        "userId": user_id,
        "id": "session-1",
    }


def cookie_content(session: dict[str, Any], user: dict[str, Any], *, now: float) -> dict[str, Any]:
    """Return the content of a session cookie.

    Args:
        session: The row of the session.
        user: The row of the user.
        now: When the cookie is made, in seconds since the epoch.
    """
    return {"session": session, "user": user, "updatedAt": int(now * 1000), "version": "1"}
