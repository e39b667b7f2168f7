"""PostgreSQL over TLS: the server has a valid certificate, or it is unavailable.

The packaged server is built without TLS, so a proxy in front of the server ends TLS.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.schema.diagnosis import diagnose_database
from backend.adapters.persistence.schema.upgrades import upgrade
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.adapters.persistence.databases import is_current, open_todos
from tests.adapters.persistence.postgres.wire import Wire
from tests.adapters.persistence.samples import a_todo
from tests.certificates import Certificate, make_certificate

pytestmark = pytest.mark.anyio


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path)


@pytest.fixture
def authority(certificate: Certificate) -> Path:
    """The authority of the server's certificate, which is self-signed."""
    return certificate.path


@pytest.fixture
async def url(postgres_url: str, certificate: Certificate) -> AsyncIterator[str]:
    query = verified_by(certificate.path)
    async with Wire(f"{postgres_url}{query}", tls=certificate.server_context()) as terminator:
        yield terminator.url


def verified_by(authority: Path) -> str:
    return f"?sslmode=verify-full&sslrootcert={authority}"


async def test_traffic_with_a_verified_server_is_encrypted(url: str, alice: str) -> None:
    async with Wire(url) as wire, open_todos(wire.url) as todos:
        await todos.add(alice, a_todo("Tell nobody"))
        assert b"Tell nobody" not in b"".join(wire.sent)
        assert b"todos" not in b"".join(wire.sent)
    await upgrade(PostgresDatabase(url))
    assert await is_current(url)


async def test_a_certificate_of_another_authority_is_refused(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = make_certificate(folder).path
    await expect_refusal(f"{url.partition('?')[0]}{verified_by(other)}", "CERTIFICATE_VERIFY")


async def test_a_certificate_for_another_host_is_refused(url: str) -> None:
    await expect_refusal(url.replace("127.0.0.1", "localhost"), "Hostname mismatch")


async def test_a_server_without_tls_is_refused(postgres_url: str, authority: Path) -> None:
    await expect_refusal(f"{postgres_url}{verified_by(authority)}", "rejected SSL")


async def expect_refusal(url: str, reason: str) -> None:
    """Check that serving, migrating and checking fail, and that no error shows the password."""
    password = urlsplit(url).password
    assert password
    async with PostgresDatabase(url) as database:
        for call in (database.check, lambda: upgrade(database), database.revision):
            with pytest.raises(RepositoryUnavailableError, match=reason) as failure:
                await call()
            assert password not in f"{failure.value!r}"
        findings = str(await diagnose_database(database))
    assert reason in findings
    assert password not in findings


async def test_a_missing_authority_file_is_an_error_in_the_url(url: str, tmp_path: Path) -> None:
    wrong = f"{url.partition('?')[0]}{verified_by(tmp_path / 'none.pem')}"
    findings = str(await diagnose_database(PostgresDatabase(wrong)))
    assert "DATABASE_URL" in findings
    assert str(urlsplit(url).password) not in findings
