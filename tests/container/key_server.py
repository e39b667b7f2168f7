"""An issuer that answers requests for its key set, without a network."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx2

from backend.testing.signers import key_set, signer

URL = "https://app.example.com"
SIGNERS = {
    "EdDSA": signer("EdDSA", "eddsa"),
    "Ed25519": signer("Ed25519", "ed25519"),
    "ES256": signer("ES256", "es256"),
    "RS256": signer("RS256", "rs256"),
    "PS256": signer("PS256", "ps256"),
}


@dataclass
class KeyServer:
    """A transport for HTTP clients that answers every request with the keys of `SIGNERS`.

    Attributes:
        requests: The requested URLs, in order.
        status: The status code of the responses.
    """

    requests: list[str] = field(default_factory=list)
    status: int = 200

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(str(request.url))
        return httpx2.Response(self.status, content=self._document())

    async def _document(self) -> AsyncIterator[bytes]:
        yield key_set(*SIGNERS.values())
