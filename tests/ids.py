"""Ids of parametrized tests."""

import re
from typing import Final

_ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+")


def text_without_addresses(value: object) -> str:
    """Return the text of a value, without the addresses of objects.

    Processes that share the tests compare the ids, and addresses differ between processes.
    """
    return _ADDRESS.sub("", str(value))
