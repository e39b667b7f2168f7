"""Problems with a configuration, in the form that the operator reads."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Complaint:
    """A problem with the configuration.

    Attributes:
        variable: The environment variable to change, or the path of the route to change.
        problem: The problem: a phrase without a full stop.
        remedy: The solution: a sentence or more.
        meant: The variable that a misspelled name was probably meant to be.
        is_warning: Whether the server can run in spite of the problem.
        is_temporary: Whether the problem can go away without a change by the operator.
    """

    variable: str
    problem: str
    remedy: str
    meant: str | None = None
    is_warning: bool = False
    is_temporary: bool = False

    def __str__(self) -> str:
        return f"{self.variable}: {self.problem}. {self.remedy}"

    def concerns(self, variable: str) -> bool:
        """Return whether the problem is with a variable, or with a misspelling of its name."""
        return variable in {self.variable, self.meant}


def errors_of(complaints: Iterable[Complaint]) -> list[Complaint]:
    """Return the complaints that are not only warnings."""
    return [complaint for complaint in complaints if not complaint.is_warning]


class ConfigurationError(Exception):
    """The server cannot run with this configuration.

    Attributes:
        complaints: Every problem with the configuration.
    """

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(map(str, self.complaints)))
