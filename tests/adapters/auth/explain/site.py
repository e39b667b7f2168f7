"""A web site with fixed pages, and the findings about it as an issuer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from email.utils import formatdate

from backend.adapters.auth.explain.issuer import diagnose_issuer
from backend.domain.diagnosis import Finding
from backend.testing.signers import key_set, signer
from tests.adapters.auth.key_server import Behaviour, answer, http_client
from tests.adapters.auth.tokens import NOW

JWKS_PATH = "/api/auth/jwks"
NOT_FOUND = answer(b"", status=404)


@asynccontextmanager
async def site(pages: Mapping[str, Behaviour], *, otherwise: Behaviour) -> AsyncIterator[str]:
    """Serve pages by their paths, and yield the origin."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
            await pages.get(path, otherwise)(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def diagnose(
    pages: Mapping[str, Behaviour] | Behaviour,
    *,
    path: str = JWKS_PATH,
    otherwise: Behaviour = NOT_FOUND,
    algorithms: Collection[str] = (),
    leeway: float = 10,
) -> tuple[str, dict[str, Finding]]:
    """Return the origin of a site, and the findings about it by their checks.

    Args:
        pages: The pages by their paths, or the page at `path`.
        path: The path of the configured JWKS URL.
        otherwise: The page at all other paths.
        algorithms: The accepted algorithms.
        leeway: The tolerated clock skew in seconds.
    """
    pages = pages if isinstance(pages, Mapping) else {path: pages}
    async with site(pages, otherwise=otherwise) as origin:
        findings = await diagnose_issuer(
            http_client(),
            f"{origin}{path}",
            has_secret=False,
            algorithms=algorithms,
            leeway=leeway,
            clock=lambda: NOW,
        )
    return origin, {finding.check: finding for finding in findings}


def dated(offset: float, **headers: str) -> Behaviour:
    """Return a page with a key set, from an issuer whose clock is `offset` seconds ahead."""
    date = formatdate(NOW + offset, usegmt=True)
    return answer(key_set(signer("EdDSA")), headers={"Date": date, **headers})
