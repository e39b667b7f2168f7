"""PostgreSQL over TLS, as the URL asks for it: it is who it should be, or it is out of reach.

The packaged server is built without TLS, so that something before it takes it off.
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

from backend.adapters.persistence import schema
from backend.adapters.persistence.postgres.repository import PostgresTodoRepository
from backend.adapters.persistence.schema.diagnosis import diagnose_database
from backend.domain.todo_repository import RepositoryUnavailableError
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
    """Whom the server's certificate is by: itself."""
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


async def test_a_server_that_is_who_it_should_be_is_talked_to_in_secret(
    url: str, alice: str
) -> None:
    async with Wire(url) as wire, PostgresTodoRepository(wire.url) as todos:
        await todos.add(alice, a_todo("Tell nobody"))
        assert b"Tell nobody" not in b"".join(wire.sent)
        assert b"todos" not in b"".join(wire.sent)
    await schema.upgrade(url)
    assert await schema.is_current(url)


async def test_another_authority_is_refused_by_all_that_connect(url: str, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(self_signed("127.0.0.1")[0])
    await refused(f"{url.partition('?')[0]}{verified_by(other)}", "CERTIFICATE_VERIFY")


async def test_another_host_than_the_certificate_names_is_refused(url: str) -> None:
    await refused(url.replace("127.0.0.1", "localhost"), "Hostname mismatch")


async def test_a_server_that_speaks_no_tls_is_refused(postgres_url: str, authority: Path) -> None:
    await refused(f"{postgres_url}{verified_by(authority)}", "rejected SSL")


async def refused(url: str, why: str) -> None:
    """See that neither serving nor migrating nor looking gets through, nor tells the password."""
    password = urlsplit(url).password
    assert password
    async with PostgresTodoRepository(url) as todos:
        for call in (todos.check, lambda: schema.upgrade(url), lambda: schema.is_current(url)):
            with pytest.raises(RepositoryUnavailableError, match=why) as failure:
                await call()
            assert password not in f"{failure.value!r}"
    found = str(await diagnose_database(url))
    assert why in found
    assert password not in found


async def test_an_authority_that_is_not_there_is_a_mistake_in_the_url(
    url: str, tmp_path: Path
) -> None:
    wrong = f"{url.partition('?')[0]}{verified_by(tmp_path / 'none.pem')}"
    found = str(await diagnose_database(wrong))
    assert "DATABASE_URL" in found
    assert str(urlsplit(url).password) not in found
