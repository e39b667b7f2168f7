"""Readiness checks: concurrent calls share the same run."""

import asyncio

import pytest

from backend.entrypoints.http.checks import run_check


@pytest.mark.anyio
async def test_calls_at_the_same_time_share_one_check() -> None:
    runs = 0

    async def check() -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.01)

    results = await asyncio.gather(*(run_check(check) for _ in range(50)))
    assert (runs, set(results)) == (1, {None})
    assert await run_check(check) is None
    assert runs == 2


@pytest.mark.anyio
async def test_a_check_that_fails_returns_its_error() -> None:
    async def check() -> None:
        raise OSError("down")

    assert str(await run_check(check)) == "down"
