"""Makes the app of the MCP server from the environment, in the main process and in workers."""

from typing import Final

from backend.container import Container
from backend.container.mcp import mcp_settings
from backend.entrypoints.http.app import Api
from backend.entrypoints.mcp.app import create_mcp_app
from backend.entrypoints.server import process
from backend.entrypoints.server.logs import configure_logging
from backend.settings import Settings

APP: Final = "backend.entrypoints.mcp.process:worker_app"


def make_app(settings: Settings) -> Api:
    """Make the app.

    Args:
        settings: The settings of the Todo API.
    """
    return create_mcp_app(Container(settings=mcp_settings(settings)))


def app_from_environment() -> Api:
    """Make the app from the environment variables, and configure the log."""
    settings = Settings.load()
    configure_logging(settings)
    return make_app(settings)


def worker_app() -> Api:
    """Make the app of a worker process, which ends when its parent process ends."""
    return process.worker_app(app_from_environment)
