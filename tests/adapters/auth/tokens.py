"""Makes tokens for a clock that shows `NOW`: valid tokens, and invalid tokens of any kind."""

import base64
from collections.abc import Mapping
from typing import Any, Final

from backend.testing import signers
from backend.testing.encoding import drop_absent
from backend.testing.signers import Signer, signer
from backend.testing.tokens import sign_token

NOW: Final = 1_800_000_000
ISSUER: Final = "https://app.example.com"
SECRET: Final = b"a secret that the issuer and this server share"


def secret_signer(secret: bytes = SECRET, *, hash_name: str = "sha256") -> Signer:
    return signers.secret_signer(secret, hash_name=hash_name)


def valid_claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a valid token of Better Auth, with some changed."""
    claims = {
        "iat": NOW - 60,
        "name": "Alice",
        "email": "alice@example.com",
        "sub": "user-1",
        "exp": NOW + 840,
        "iss": ISSUER,
        "aud": ISSUER,
    }
    return drop_absent({**claims, **changes})


def token(
    by: Signer | None = None,
    *,
    header: Mapping[str, Any] | bytes | None = None,
    claims: Mapping[str, Any] | bytes | None = None,
    signature: bytes | None = None,
) -> str:
    """Sign a token.

    Args:
        by: The signer. An Ed25519 key by default.
        header: Members to change or add, or the bytes of the whole header.
        claims: Claims to change or add to those of a valid token, or the bytes of the payload.
        signature: Bytes to use instead of the real signature.
    """
    if not isinstance(claims, bytes):
        claims = valid_claims(**(claims or {}))
    return sign_token(by or signer("EdDSA"), claims, header=header, signature=signature)


def split_token(text: str) -> tuple[str, str, bytes]:
    """Return the encoded header, the encoded payload and the decoded signature of a token."""
    header, payload, signature = text.split(".")
    return header, payload, base64.urlsafe_b64decode(signature + "==")
