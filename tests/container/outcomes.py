"""The decisions of a container's verifiers about tokens and cookies."""

from backend.container.authentication import AuthContainer
from backend.domain.auth import AuthError, TokenVerifier


async def token_outcome(container: AuthContainer, token: str) -> str | type[AuthError]:
    """Return the id of the token's user, or the class of the error."""
    return await _outcome(container.token_verifier(), token)


async def cookie_outcome(container: AuthContainer, cookie: str) -> str | type[AuthError]:
    """Return the id of the user of a session cookie, or the class of the error."""
    return await _outcome(session_verifier(container), cookie)


def session_verifier(container: AuthContainer) -> TokenVerifier:
    """Return the verifier of session cookies, which must be turned on."""
    verifier = container.session_verifier()
    assert verifier is not None
    return verifier


async def _outcome(verifier: TokenVerifier, text: str) -> str | type[AuthError]:
    try:
        return (await verifier.verify(text)).user_id
    except AuthError as error:
        return type(error)
