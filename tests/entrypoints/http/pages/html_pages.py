"""Reads the HTML of a page: the files that the page loads, its links, and its inline code."""

from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin

_LOADING: Final = {"link": "href", "script": "src", "img": "src", "iframe": "src"}


class Page(HTMLParser):
    """A page.

    Attributes:
        loaded: The absolute URLs that the page loads, without `data:` URLs.
        links: The absolute URLs to which visible links lead.
        inline: Scripts, styles and event handlers that are part of the page.
        text: The visible text.
    """

    def __init__(self, url: str, html: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.inline: list[str] = []
        self.text = ""
        self._url = url
        self._hidden: list[str] = []  # the open elements from the first hidden element on
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if (self._hidden or "hidden" in attributes) and tag not in {"link", "meta"}:
            self._hidden.append(tag)
        self.inline += [name for name in attributes if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in attributes):
            self.inline.append(tag)
        address = attributes.get(_LOADING.get(tag, ""))
        if address and not address.startswith("data:"):
            self.loaded.append(urljoin(self._url, address))
        if tag == "a" and not self._hidden:
            self.links.append(urljoin(self._url, attributes["href"] or ""))

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            assert self._hidden.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text += data
