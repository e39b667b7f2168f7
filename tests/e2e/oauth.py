"""An OAuth client that finds everything by the URL of the API, as a third-party app does."""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.e2e.better_auth import User

CALLBACK = "http://127.0.0.1:9/callback"
WELL_KNOWN = "/.well-known/oauth-authorization-server"


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """A public client that has registered itself (RFC 7591).

    Attributes:
        id: Its client id.
        server: The metadata of the authorization server (RFC 8414).
        http: The HTTP client, without cookies of a user.
    """

    id: str
    server: dict[str, Any]
    http: httpx2.Client

    @classmethod
    def discover(cls, http: httpx2.Client, url: str) -> Self:
        """Follow the challenge of an API to its authorization server, and register there.

        Args:
            http: An HTTP client.
            url: The URL of a protected route.
        """
        challenge = http.get(url).headers["www-authenticate"]
        (metadata,) = re.findall(r'resource_metadata="([^"]+)"', challenge)
        resource = http.get(metadata).raise_for_status().json()
        issuer = urlsplit(resource["authorization_servers"][0])
        metadata = f"{issuer.scheme}://{issuer.netloc}{WELL_KNOWN}{issuer.path}"  # RFC 8414, 3
        return cls.register(http, http.get(metadata).raise_for_status().json())

    @classmethod
    def register(cls, http: httpx2.Client, server: dict[str, Any]) -> Self:
        """Register at an authorization server.

        Args:
            http: An HTTP client.
            server: The metadata of the server.
        """
        registration = {
            "client_name": "Assistant",
            "application_type": "native",
            "redirect_uris": [CALLBACK],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code"],
        }
        response = http.post(server["registration_endpoint"], json=registration)
        return cls(id=response.raise_for_status().json()["client_id"], server=server, http=http)

    def tokens(self, user: User, scope: str, *, resource: str | None) -> dict[str, Any]:
        """Get tokens with the consent of a user: authorization code with PKCE (RFC 7636).

        Args:
            user: The user, who is signed in and agrees.
            scope: The scopes to ask for.
            resource: The URL of the API (RFC 8707); None to leave it out.
        """
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        target = {} if resource is None else {"resource": resource}
        response = user.browser.get(
            self.server["authorization_endpoint"],
            params={
                "response_type": "code",
                "client_id": self.id,
                "redirect_uri": CALLBACK,
                "scope": scope,
                "state": "state-1",
                "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
                "code_challenge_method": "S256",
                **target,
            },
        )
        location = response.headers["location"]
        if location.startswith("/consent"):  # the server remembers the answer
            answer = {"accept": True, "oauth_query": urlsplit(location).query}
            consent = user.browser.post("/api/auth/oauth2/consent", json=answer)
            location = consent.raise_for_status().json()["url"]
        (code,) = parse_qs(urlsplit(location).query)["code"]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": self.id,
            "code_verifier": verifier,
            **target,
        }
        tokens: dict[str, Any] = self.request_token(form).raise_for_status().json()
        return tokens

    def request_token(self, form: dict[str, Any]) -> httpx2.Response:
        """Send a request to the token endpoint."""
        return self.http.post(self.server["token_endpoint"], data=form)
