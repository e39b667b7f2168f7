"""`make compat`: tries the releases of Better Auth, and writes docs/compatibility.md."""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.compat import page
from tests.compat.captures import FOLDER, Capture
from tests.compat.recording import record
from tests.compat.releases import END_TO_END, RELEASES, Release
from tests.compat.verification import problems_of
from tests.e2e.backend import NO_COVERAGE
from tests.e2e.databases import Database
from tests.e2e.processes import ROOT
from tests.e2e.servers import Servers


def main() -> None:
    """Try the releases that the command line names, or all of them."""
    chosen = [release for release in RELEASES if release.name in sys.argv[1:]] or RELEASES
    problems = [problem for release in chosen for problem in _try(release)]
    problems += [problem for release in chosen for problem in _test(release)]
    for problem in problems:
        print(f"PROBLEM: {problem}", flush=True)
    if not problems and chosen == RELEASES:
        page.write(Capture.load(FOLDER / f"{release.name}.json") for release in RELEASES)
    sys.exit(1 if problems else 0)


def _try(release: Release) -> list[str]:
    """Install a release, try its credentials, and record them if its file does not exist.

    Returns:
        The problems.
    """
    release.install()
    with tempfile.TemporaryDirectory(prefix="compat-") as folder:
        database = Database.create_sqlite(Path(folder))
        with Servers(Path(folder), DATABASE_URL=database.url, **NO_COVERAGE) as servers:
            capture, problems = record(release, servers)
    problems += asyncio.run(problems_of(capture))
    print(" | ".join([release.name, *page.row_of(capture)]), flush=True)
    path = FOLDER / f"{release.name}.json"
    if path.exists() and Capture.load(path).kinds() != capture.kinds():
        problems.append(f"{path} has other kinds of credentials: delete it, and try again")
    if not path.exists() and not problems:
        capture.save(path)
    return [f"{release.name}: {problem}" for problem in problems]


def _test(release: Release) -> list[str]:
    """Run the end-to-end tests with a release.

    Returns:
        The problems.
    """
    options = END_TO_END.get(release.name)
    if options is None:
        return []
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options],
        cwd=ROOT,
        env={**os.environ, "ISSUER_FOLDER": str(release.folder)},
        check=False,
    )
    return [f"{release.name}: the end-to-end tests failed"] if finished.returncode else []


if __name__ == "__main__":
    main()
