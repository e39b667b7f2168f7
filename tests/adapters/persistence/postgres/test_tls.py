"""PostgreSQL over TLS: the server has a valid certificate, or it is unavailable.

The packaged server is built without TLS, so a proxy in front of it ends TLS.
"""

import ipaddress
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from backend.adapters.persistence.postgres.database import PostgresDatabase
from backend.adapters.persistence.schema.diagnosis import diagnose_database
from backend.adapters.persistence.schema.upgrades import upgrade
from backend.domain.todo_repository import RepositoryUnavailableError
from tests.adapters.persistence.databases import is_current, open_todos
from tests.adapters.persistence.postgres.wire import Wire
from tests.adapters.persistence.samples import a_todo

pytestmark = pytest.mark.anyio


def self_signed(host: str) -> tuple[bytes, bytes]:
    """Return a certificate for a host, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "database")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    return (
        certificate.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The authority of the server's certificate, which is self-signed."""
    certificate, key = self_signed("127.0.0.1")
    (tmp_path / "key.pem").write_bytes(key)
    path = tmp_path / "authority.pem"
    path.write_bytes(certificate)
    return path


@pytest.fixture
async def url(postgres_url: str, authority: Path) -> AsyncIterator[str]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority, authority.with_name("key.pem"))
    async with Wire(f"{postgres_url}{verified_by(authority)}", tls=context) as terminator:
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
    other = tmp_path / "other.pem"
    other.write_bytes(self_signed("127.0.0.1")[0])
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
