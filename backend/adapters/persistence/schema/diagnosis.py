"""The checks of a database by `serve` and `doctor`: connection, privileges, schema, policies."""

from typing import Final

from backend.adapters.persistence.database import MigratedDatabase
from backend.adapters.persistence.schema import remedies, revisions
from backend.domain.diagnosis import Finding
from backend.domain.todo_repository import RepositoryUnavailableError


async def diagnose_database(database: MigratedDatabase) -> list[Finding]:
    """Check a database. The findings never show its URL, which may contain a password."""
    try:
        missing = await database.missing_privileges()
        if missing:
            return [_product(database), _privileges(missing), _SCHEMA_NOT_READ]
        revision = await database.revision()
        secured = await database.row_level_security() if revision else None
    except (RepositoryUnavailableError, OverflowError, ValueError) as error:
        from backend.adapters.persistence.schema import failures  # noqa: PLC0415 - see there

        problem, remedy = failures.explain_failure(error)
        is_temporary = failures.is_outage(error)
        finding = Finding(
            check="database", problem=problem, remedy=remedy, is_temporary=is_temporary
        )
        return [finding, _SCHEMA_NOT_REACHED]
    findings = [_product(database), _schema(revision)]
    if secured is not None and not revisions.is_behind(revision):
        findings.append(_SECURED if secured else _NOT_SECURED)
    return findings


def _product(database: MigratedDatabase) -> Finding:
    return Finding(check="database", found=database.name)


def _privileges(missing: str) -> Finding:
    problem = f"the role of DATABASE_URL lacks {missing}"
    return Finding(check="privileges", problem=problem, remedy=remedies.GRANT)


def _schema(revision: str | None) -> Finding:
    latest = revisions.known_revisions()[-1]
    if revision is None:
        return Finding(
            check="migrations", problem="there is no schema yet", remedy=remedies.MIGRATE
        )
    if revisions.is_behind(revision):
        return Finding(
            check="migrations",
            found=revision,
            expected=latest,
            problem="the schema is out of date",
            remedy=remedies.MIGRATE,
        )
    later = f", from a later release; this release ({latest}) can use it"
    return Finding(check="migrations", found=revision if revision == latest else revision + later)


_SCHEMA_NOT_READ: Final = Finding(check="migrations", checked=False, found="privileges are missing")
_SCHEMA_NOT_REACHED: Final = Finding(
    check="migrations", checked=False, found="the database cannot be reached"
)

_SECURED: Final = Finding(check="row-level security", found="restricts this role")

_NOT_SECURED: Final = Finding(
    check="row-level security",
    problem="does not restrict this role, which sees the rows of every user",
    remedy=(
        "Connect with a role that is not a superuser and does not have BYPASSRLS: see"
        " docs/scaling.md."
    ),
)
