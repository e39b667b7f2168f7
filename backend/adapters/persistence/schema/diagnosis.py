"""Whether todos can be kept: the database, and its schema."""

from typing import Final

from backend.adapters.persistence import schema
from backend.adapters.persistence.schema import remedies, revisions
from backend.domain.diagnosis import Finding
from backend.domain.todo_repository import RepositoryUnavailableError


async def diagnose_database(url: str) -> list[Finding]:
    """Look at a database as the server does at its start.

    Args:
        url: The database, as its repository takes it; nothing of it is shown.
    """
    postgres = not url.startswith("sqlite:")
    try:
        lacking = await schema.lacking_privileges(url) if postgres else ""
        if lacking:
            return [_POSTGRESQL, _of_privileges(lacking), _UNREAD]
        revision = await schema.current(url)
        secured = await schema.is_secured(url) if postgres and revision else None
    except (RepositoryUnavailableError, OverflowError, ValueError) as error:
        problem, remedy = of_failure(error)
        return [Finding(check="database", problem=problem, remedy=remedy), _UNKNOWN]
    findings = [_POSTGRESQL if postgres else _SQLITE, _of_schema(revision)]
    if secured is not None and not revisions.is_behind(revision):
        findings.append(_SECURED if secured else _UNSECURED)
    return findings


def of_failure(error: Exception) -> tuple[str, str]:
    """Return what is wrong with a database, and what to do about it.

    Args:
        error: What was raised when it was looked at, or migrated.
    """
    if isinstance(error, schema.MissingFolderError):
        return str(error), remedies.NO_FOLDER
    if isinstance(error, RepositoryUnavailableError):
        remedy = remedies.of_outage(error)
        what = "refuses" if remedy == remedies.GRANT else "cannot be reached"
        return f"{what}: {error}", remedy
    return remedies.UNREADABLE, remedies.READABLE  # its message may quote the password


def _of_privileges(lacking: str) -> Finding:
    problem = f"the role of DATABASE_URL lacks {lacking}"
    return Finding(check="privileges", problem=problem, remedy=remedies.GRANT)


def _of_schema(revision: str | None) -> Finding:
    ours = max(path.name.partition("_")[0] for path in revisions.VERSIONS.glob("[0-9]*.py"))
    if revision is None:
        return Finding(
            check="migrations", problem="there is no schema yet", remedy=remedies.MIGRATE
        )
    if revisions.is_behind(revision):
        return Finding(
            check="migrations",
            found=revision,
            expected=ours,
            problem="the schema is out of date",
            remedy=remedies.MIGRATE,
        )
    later = "" if revision == ours else f", by a later release; this one, of {ours}, can serve it"
    return Finding(check="migrations", found=f"{revision}{later}")


_POSTGRESQL: Final = Finding(check="database", found="PostgreSQL")
_SQLITE: Final = Finding(check="database", found="SQLite")

_UNREAD: Final = Finding(check="migrations", checked=False, found="privileges are lacking")
_UNKNOWN: Final = Finding(check="migrations", checked=False, found="the database cannot be reached")

_SECURED: Final = Finding(check="row-level security", found="holds for this role")

_UNSECURED: Final = Finding(
    check="row-level security",
    problem="does not hold for this role, which sees the rows of every user",
    remedy="Connect as a role that is no superuser and has no BYPASSRLS: see docs/scaling.md.",
)
