"""The containers: which adapters the settings choose, and how the parts fit together.

`Container` has every part of the Todo API, so it needs the database drivers. The import happens at
the first use, because `backend.container.authentication` must work without database drivers.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name != "Container":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from backend.container.application import Container  # noqa: PLC0415 - see above

    return Container
