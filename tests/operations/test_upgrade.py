"""The commands of docs/upgrade.md migrate while processes of the old release serve."""

import asyncio
from pathlib import Path
from typing import Final

from backend.adapters.persistence.schema.revisions import known_revisions
from backend.adapters.persistence.schema.upgrades import downgrade
from backend.domain.todo_list import TodoQuery
from tests.adapters.persistence.databases import database_at, open_todos
from tests.adapters.persistence.samples import a_todo
from tests.operations.conftest import Installation, run_block

PAGE: Final = Path("docs/upgrade.md")


async def upgrade_while_serving(installation: Installation, folder: Path) -> None:
    await downgrade(database_at(installation.owner_url), "-1")
    async with open_todos(installation.url) as todos:
        await todos.add("ada", a_todo())
        await asyncio.to_thread(
            run_block,
            *(PAGE, ".venv/bin/python -m backend migrate --dry-run", folder, {}),
            DATABASE_URL=installation.owner_url,
        )
        await todos.add("ada", a_todo())
        assert len((await todos.list("ada", TodoQuery())).items) == 2
    assert await database_at(installation.owner_url).revision() == known_revisions()[-1]


def test_the_schema_is_upgraded_while_the_api_serves(
    installation: Installation, tmp_path: Path
) -> None:
    asyncio.run(upgrade_while_serving(installation, tmp_path))
