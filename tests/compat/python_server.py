"""`better-auth-server`, a port of Better Auth to Python, with the environment of demo/server.mjs.

Runs in `.venv-compat`, without the other packages of this project.
"""

import json
import os
import socket
import sys
import threading

import uvicorn
from better_auth import BetterAuth, EmailAndPassword, SessionOptions
from better_auth.config import CookieCache
from better_auth.integrations.fastapi import BetterAuthFastAPI
from better_auth.plugins_ext import JWTPlugin, OAuthProviderPlugin
from fastapi import FastAPI

listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
cookies = os.environ.get("COOKIE_CACHE", "off")
resource = os.environ.get("OAUTH_RESOURCE")

plugins = [
    JWTPlugin(
        key_pair_config={"alg": os.environ.get("JWT_ALGORITHM", "EdDSA")},
        session_cookie_cache=cookies == "jwks",
    )
]
if resource:
    plugins.append(
        OAuthProviderPlugin(
            login_page="/sign-in",
            consent_page="/consent",
            scopes=["openid", "todos:read"],
            resources=[resource],
            client_registration_default_resources=[resource],
            allow_dynamic_client_registration=True,
            allow_unauthenticated_client_registration=True,
        )
    )

cache = CookieCache(
    enabled=cookies != "off",
    max_age=300,
    strategy={"off": "compact", "jwks": "jwt"}.get(cookies, cookies),
)
auth = BetterAuth(
    secret=os.environ["BETTER_AUTH_SECRET"],
    base_url=base_url,
    email_and_password=EmailAndPassword(enabled=True),
    session=SessionOptions(cookie_cache=cache),
    plugins=plugins,
)
app = FastAPI()
app.include_router(BetterAuthFastAPI(auth).router)
server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))


def stop_with_parent() -> None:
    """Stop when standard input closes, so that no server outlives a parent that crashed."""
    sys.stdin.read()
    server.should_exit = True


threading.Thread(target=stop_with_parent, daemon=True).start()
print(json.dumps({"url": base_url}), flush=True)
server.run(sockets=[listener])
