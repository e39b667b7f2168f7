"""Whether todos can be kept: the database, and its schema."""

from typing import Final

from backend.adapters.persistence import revisions, schema
from backend.domain.diagnosis import Finding
from backend.domain.todo import TodoRepositoryUnavailableError

_MIGRATE: Final = "Run `python -m backend migrate`."


async def diagnose_database(url: str) -> list[Finding]:
    """Look at a database as the server does at its start.

    Args:
        url: The database, as its repository takes it; nothing of it is shown.
    """
    postgres = not url.startswith("sqlite:")
    try:
        revision = await schema.current(url)
        secured = await schema.is_secured(url) if postgres and revision else None
    except TodoRepositoryUnavailableError as error:
        remedy = "Start the database, or mend DATABASE_URL."
        return [_of_database(f"cannot be reached: {error}", remedy), _UNKNOWN]
    except (OverflowError, ValueError):  # whose message may quote the password
        remedy = "Set DATABASE_URL to a URL that names the database."
        return [_of_database("the driver cannot read DATABASE_URL", remedy), _UNKNOWN]
    kind = "PostgreSQL" if postgres else "SQLite"
    findings = [Finding(check="database", found=kind), _of_schema(revision)]
    if secured is not None and not revisions.is_behind(revision):
        findings.append(_SECURED if secured else _UNSECURED)
    return findings


def _of_database(problem: str, remedy: str) -> Finding:
    return Finding(check="database", problem=problem, remedy=remedy)


def _of_schema(revision: str | None) -> Finding:
    ours = max(path.name.partition("_")[0] for path in revisions.VERSIONS.glob("[0-9]*.py"))
    if revision is None:
        return Finding(check="migrations", problem="there is no schema yet", remedy=_MIGRATE)
    if revisions.is_behind(revision):
        return Finding(
            check="migrations",
            found=revision,
            expected=ours,
            problem="the schema is out of date",
            remedy=_MIGRATE,
        )
    later = "" if revision == ours else f", by a later release; this one, of {ours}, can serve it"
    return Finding(check="migrations", found=f"{revision}{later}")


_UNKNOWN: Final = Finding(check="migrations", checked=False, found="the database cannot be reached")

_SECURED: Final = Finding(check="row-level security", found="holds for this role")

_UNSECURED: Final = Finding(
    check="row-level security",
    problem="does not hold for this role, which sees the rows of every user",
    remedy="Connect as a role that is no superuser and has no BYPASSRLS: see docs/scaling.md.",
)
