# The types of `__init__.py`, which imports `Container` when it is first used.
from backend.container.application import Container as Container
