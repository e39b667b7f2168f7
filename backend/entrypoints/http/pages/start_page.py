"""The page `/` of development mode: links, a token, and requests to try."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backend.entrypoints.http.pages.page import STATIC, PageFiles, render
from backend.settings import Settings

PATH: Final = "/"
FILES_PATH: Final = "/start"
FILES: Final = ("start.css", "start.js")

_SHOWN: Final = "This token is for the development user. It is valid for twelve hours."
_NOT_SHOWN: Final = (
    "The next command makes a token. Run it in the folder of the project. This page shows a token"
    " only if the browser runs on the machine of the server, and uses no proxy."
)
_CONFIGURED: Final = (
    "Tokens are signed with your BETTER_AUTH_SECRET. The next command makes a token. Run it in the"
    " folder of the project."
)
_OTHER_ISSUER: Final = (
    "Your issuer makes the tokens: {issuer}. Sign in, and take a token from your front end. With"
    " Better Auth, authClient.token() returns it. Put that token into the next command."
)
_PLACEHOLDER: Final = "paste-your-token"
_OWN_HOST: Final = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?")
# A proxy adds these headers. Browsers add `Origin` when a page of another origin reads this page.
_SENT_BY_OTHERS: Final = ("forwarded", "origin", "via", "x-forwarded-", "x-real-ip")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPage:
    """The start page.

    Attributes:
        command: The command of this project, as a user types it.
        issuer: The URL of the issuer that makes the tokens. None if a secret signs them.
        make_token: Makes a token that is signed with the secret of development mode. None if
            the settings name an issuer or a secret.
    """

    command: str
    issuer: str | None = None
    make_token: Callable[[], str] | None = None

    def routes(self, settings: Settings) -> list[Route]:
        """Return the routes of the page and of the files that it loads. All of them are public.

        Args:
            settings: The settings of the application.
        """
        files = PageFiles(FILES_PATH, {name: STATIC / name for name in FILES})
        issuer = self.issuer

        async def serve_page(request: Request) -> Response:
            may_show = issuer is None and is_local(request)
            token = self.make_token() if self.make_token and may_show else None
            return render(
                "start.html",
                cache="no-store",
                files=files.folder,
                address=str(request.base_url).rstrip("/"),
                command=self.command,
                issuer=issuer or "",
                token=token or "",
                variable=token or (_PLACEHOLDER if issuer else f"$({self.command} token)"),
                about_token=self._about_token(is_shown=token is not None),
                hidden_without_docs=_hidden(not settings.docs),
                hidden_without_metrics=_hidden(not settings.metrics),
                hidden_without_token=_hidden(token is None),
                hidden_without_issuer=_hidden(issuer is None),
                hidden_with_issuer=_hidden(issuer is not None),
            )

        return [Route(PATH, serve_page, include_in_schema=False), files.route]

    def _about_token(self, *, is_shown: bool) -> str:
        """Return the text of the page about the token."""
        if self.issuer is not None:
            return _OTHER_ISSUER.format(issuer=self.issuer)
        if self.make_token is None:
            return _CONFIGURED
        return _SHOWN if is_shown else _NOT_SHOWN


def is_local(request: Request) -> bool:
    """Return whether a browser of this machine shows the page, and only its user can read the page.

    The `Host` must be a name of this machine: otherwise a page of another site could point its own
    host name to this machine, and read this page (DNS rebinding).
    """
    if any(name.startswith(_SENT_BY_OTHERS) for name in request.headers):
        return False
    hosts = request.headers.getlist("Host")
    is_own_host = len(hosts) == 1 and _OWN_HOST.fullmatch(hosts[0]) is not None
    return is_own_host and request.client is not None and _is_loopback(request.client.host)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def _hidden(is_hidden: bool) -> str:
    """Return the HTML attribute that hides an element; empty if the element is visible."""
    return "hidden" if is_hidden else ""
