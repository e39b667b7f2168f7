"""For the operator: why a token is refused, and what keeps the server from serving."""

import getpass
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from backend.domain.diagnosis import Explanation, Finding
from backend.settings import Settings
from backend.settings.values import LogLevel

ANY_ARGUMENTS: Final[dict[str, Any]] = {
    # Taken in order to be refused: the parser's own complaint would repeat them.
    "allow_extra_args": True,
    "ignore_unknown_options": True,
}
NO_ARGUMENTS: Final = """\
explain takes no argument and no option, and has read none: other users of this machine see
arguments, and the shell remembers them. If that was a live token, sign its user out.
Give it on standard input, or run the command alone to be asked:

  python -m backend explain < file-with-the-token"""
NOTHING_GIVEN: Final = """\
No token was given. Give one on standard input, or run the command in a terminal to be asked:

  python -m backend explain < file-with-the-token"""

_SCRIPT: Final = "todo-api"
_MAX_BYTES: Final = 1_000_000  # far more than a token may have: what is longer is not one


def read_token() -> str:
    """Return what standard input holds, or what is typed; empty if that is nothing."""
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        return getpass.getpass("Token: ").strip()
    return sys.stdin.buffer.read(_MAX_BYTES).decode("utf-8-sig", errors="replace").strip()


def quietened(settings: Settings) -> Settings:
    """Return the settings with a log that leaves it to the findings to tell of problems."""
    return settings.model_copy(update={"log_level": LogLevel.ERROR})


def as_typed(text: str) -> str:
    """Write each command of a text as its reader types it.

    That is `todo-api` if the project is installed, and `.venv/bin/python -m backend` in the folder
    of that environment.
    """
    if Path(sys.argv[0]).stem == _SCRIPT:
        return text.replace("python -m backend", _SCRIPT).replace("make run", f"{_SCRIPT} dev")
    folder = Path(".venv")
    if Path(sys.prefix) != folder.absolute():
        return text
    return text.replace("python -m backend", f"{folder}/bin/python -m backend")


def report(findings: Iterable[Finding]) -> Iterator[str]:
    """Write findings down, a line for each check and one for each remedy."""
    for finding in findings:
        verdict = "FAIL" if finding.problem else "ok" if finding.checked else "--"
        yield _printable(f"  {verdict:<5} {finding.check}{_details(finding)}")
        if finding.problem and finding.remedy:
            yield _printable(f"        -> {as_typed(finding.remedy)}")


def describe(explanation: Explanation) -> Iterator[str]:
    """Write an explanation down: the token's parts, every check, and what follows from them."""
    for name, part in {"header": explanation.header, "claims": explanation.claims}.items():
        if part:
            yield f"{name} {json.dumps(part, indent=2)}"
    yield from report(explanation.findings)
    if explanation.accepted:
        yield "Accepted: the API takes this token."
    elif explanation.code == explanation.reason == "verifier_unavailable":
        yield "Undecided: the API answers 503 verifier_unavailable, until its keys can be had."
    else:
        yield (
            f"Refused: the API answers 401 {explanation.code}; its log and metrics say"
            f" {explanation.reason}."
        )


def examine(findings: Iterable[Finding]) -> Iterator[str]:
    """Write down what was found of an installation, and how many things are wrong with it."""
    found = list(findings)
    yield from report(found)
    wrong = sum(finding.problem is not None for finding in found)
    yield (
        "All is well." if not wrong else f"{wrong} to mend." if wrong > 1 else "One thing to mend."
    )


def of_complaints(complaints: Iterable[str]) -> Iterator[Finding]:
    """Turn complaints about settings into findings.

    Args:
        complaints: Each begins with its variable, and ends with the remedy.
    """
    found = [complaint.partition(": ") for complaint in complaints]
    for variable, _, text in found:
        problem, _, remedy = text.partition(". ")
        yield Finding(check=variable, problem=problem, remedy=remedy or None)
    if not found:
        yield Finding(check="settings")


def _details(finding: Finding) -> str:
    if finding.problem is None:
        said = finding.found if finding.checked else f"not checked, {finding.found}"
        return f": {said}" if said else ""
    compared = {"found": finding.found, "expected": finding.expected}
    said = ", ".join(f"{name} {value}" for name, value in compared.items() if value)
    return f": {finding.problem}" + (f"; {said}" if said else "")


def _printable(text: str) -> str:
    """Escape what a terminal would obey instead of showing."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
