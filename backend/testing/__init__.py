"""A kit for tests of protected routes: principals, a fake verifier, an issuer, and its tokens.

The kit is for tests only: no other module of this package imports the kit. Only the fixtures of
`backend.testing.fixtures` need pytest.
"""

from backend.testing.encoding import ABSENT
from backend.testing.fakes import FakeTokenVerifier, principal
from backend.testing.headers import bearer, cookie
from backend.testing.invalid_tokens import InvalidToken
from backend.testing.issuer import RESOURCE, Issuer
from backend.testing.tokens import email_link_token, secret_token

__all__ = [
    "ABSENT",
    "RESOURCE",
    "FakeTokenVerifier",
    "InvalidToken",
    "Issuer",
    "bearer",
    "cookie",
    "email_link_token",
    "principal",
    "secret_token",
]
