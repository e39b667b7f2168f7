"""Errors about the HTTP request itself: its parameters and headers, not the todo in its body."""


class UnusableEntityTagError(Exception):
    """`If-Match` has a weak tag or is malformed, so it matches no version."""


class InvalidParameterError(Exception):
    """A parameter or header of the request breaks a rule.

    Attributes:
        name: The name of the parameter or header.
        problem: The fault, as text for the caller.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")
        self.name = name
        self.problem = problem
