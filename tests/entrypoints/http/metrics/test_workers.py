"""A scrape of any worker describes all workers, before and after workers have died."""

import asyncio
import errno
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import httpx2
import psutil  # type: ignore[import-untyped]  # has no type stubs
import pytest
from prometheus_client import values

from backend.adapters.persistence.schema.upgrades import upgrade
from backend.adapters.persistence.sqlite.database import SqliteDatabase
from backend.entrypoints.http.metrics import workers
from tests.entrypoints.cli.server_process import Server, serving
from tests.entrypoints.http.metrics.conftest import samples
from tests.settings.environment import SECRET

REQUESTS = 40
LIVE = {"method": "GET", "route": "/health/live", "status": "200"}


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Return the folder for temporary files of the server."""
    path = tmp_path / "temporary"
    path.mkdir()
    return path


@pytest.fixture
def server(tmp_path: Path, temporary: Path) -> Iterator[Server]:
    """Run a server with two workers, after a server that was killed."""
    asyncio.run(upgrade(SqliteDatabase(f"sqlite:///{tmp_path}/todos.db")))
    abandoned_folder(temporary)
    variables = {"BETTER_AUTH_SECRET": SECRET, "PORT": "0", "TMPDIR": str(temporary)}
    with serving(tmp_path, "serve", "--workers", "2", **variables) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx2.Client]:
    """Return a client of the server that opens a connection for each request."""
    words = server.wait_for("Uvicorn running on ").split()
    url = next(word for word in words if word.startswith("http://"))
    with httpx2.Client(
        base_url=url, headers={"Connection": "close"}, verify=False, timeout=30
    ) as client:
        yield client


def wait_until(
    is_true: Callable[[dict[Any, float]], bool], client: httpx2.Client
) -> dict[Any, float]:
    """Scrape until a condition holds, for 30 seconds at most; return the last scrape."""
    deadline = time.monotonic() + 30
    while True:
        scrape = samples(client.get("/metrics").text)
        if is_true(scrape) or time.monotonic() > deadline:
            return scrape
        time.sleep(0.2)


def sample(scrape: dict[Any, float], name: str, **labels: str) -> float | None:
    return scrape.get((name, frozenset(labels.items())))


def count_of(scrape: dict[Any, float]) -> float:
    return sample(scrape, "http_request_duration_seconds_count", **LIVE) or 0


def send_requests(client: httpx2.Client) -> None:
    for _ in range(REQUESTS):
        assert client.get("/health/live").status_code == 200


def test_one_scrape_describes_all_workers_before_and_after_a_worker_dies(
    server: Server, client: httpx2.Client, temporary: Path
) -> None:
    wait_until(lambda scrape: sample(scrape, "server_workers") == 2, client)
    send_requests(client)
    scrape = wait_until(
        lambda scrape: count_of(scrape) == REQUESTS and sample(scrape, "server_workers") == 2,
        client,
    )
    assert count_of(scrape) == REQUESTS
    assert sample(scrape, "server_workers") == 2
    assert sample(scrape, "server_worker_starts_total") == 2
    assert sample(scrape, "database_pool_max", pool="read") == 20
    assert not [labels for _, labels in scrape if "pid" in dict(labels)]

    folders = list(temporary.glob("api-metrics-*"))
    assert len(folders) == 1
    numbers = {path.name for path in folders[0].glob("*.lock")}
    assert numbers == {"0.lock", "1.lock"}
    children = psutil.Process(server.pid).children()
    (victim, *_) = [child for child in children if len(child.open_files()) > 3]
    victim.kill()
    scrape = wait_until(lambda scrape: sample(scrape, "server_worker_starts_total") == 3, client)
    assert sample(scrape, "server_worker_starts_total") == 3
    assert count_of(scrape) == REQUESTS
    wait_until(lambda scrape: sample(scrape, "server_workers") == 2, client)
    send_requests(client)
    scrape = wait_until(
        lambda scrape: count_of(scrape) == 2 * REQUESTS and sample(scrape, "server_workers") == 2,
        client,
    )
    assert count_of(scrape) == 2 * REQUESTS
    assert sample(scrape, "server_workers") == 2
    assert {path.name for path in folders[0].glob("*.lock")} == numbers

    assert server.stop() == 0
    assert list(temporary.iterdir()) == []


@pytest.fixture
def locks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Return the locks that this process takes, and release them afterwards."""
    locks: list[Any] = []
    monkeypatch.setattr(workers, "_locks", locks)
    yield locks
    for lock in locks:
        lock.close()


def test_a_worker_takes_the_first_free_number_and_continues_its_counters(
    tmp_path: Path, locks: list[Any]
) -> None:
    assert [workers._take_number(tmp_path) for _ in range(3)] == [0, 1, 2]
    for name in ("counter_1.db", "gauge_livesum_1.db"):
        with (tmp_path / name).open("r+b") as file:
            file.write(b"values")
    locks[1].close()  # as the kernel does when the worker ends
    assert workers._take_number(tmp_path) == 1
    assert (tmp_path / "counter_1.db").read_bytes().startswith(b"values")
    assert (tmp_path / "gauge_livesum_1.db").read_bytes().strip(b"\0") == b""


@pytest.mark.usefixtures("locks")
def test_the_files_of_a_worker_take_their_space_at_once(tmp_path: Path) -> None:
    workers._take_number(tmp_path)
    for path in tmp_path.glob("*.db"):
        assert path.stat().st_blocks * 512 >= path.stat().st_size > 0


def test_only_the_gauges_of_ended_workers_are_removed(tmp_path: Path, locks: list[Any]) -> None:
    for _ in range(2):
        workers._take_number(tmp_path)
    files = {path.name for path in tmp_path.iterdir()}
    workers.remove_gauges_of_ended_workers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == files
    locks[0].close()
    workers.remove_gauges_of_ended_workers(tmp_path)
    removed = files - {path.name for path in tmp_path.iterdir()}
    assert removed == {f"gauge_live{merge}_0.db" for merge in ("max", "min", "sum")}


def test_workers_without_a_place_for_files_count_for_themselves(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: object) -> NoReturn:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", fail)
    with workers.common_folder():
        assert workers.join() is None
    assert "describes only the worker that answers" in caplog.text
    assert "Set TMPDIR to a writable directory" in caplog.text


@pytest.mark.usefixtures("locks")
def test_a_worker_without_space_for_its_files_counts_for_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Path) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(workers, "_fill", fail)
    before = values.ValueClass
    caplog.set_level(logging.WARNING)
    with workers.common_folder():
        assert workers.join() is None
    assert values.ValueClass is before
    assert "No space left on device" in caplog.text


def test_the_folder_is_known_to_workers_only_while_the_server_runs() -> None:
    with workers.common_folder():
        folder = Path(os.environ["API_METRICS_FOLDER"])
        assert folder.stat().st_mode & 0o777 == 0o700
    assert "API_METRICS_FOLDER" not in os.environ
    assert not folder.exists()


def abandoned_folder(temporary: Path) -> Path:
    """Make a folder as a killed server leaves it: with files that no process locks."""
    folder = temporary / "api-metrics-abandoned"
    folder.mkdir()
    for name in ("owner", "0.lock", "1.lock", "counter_0.db"):
        (folder / name).touch()
    return folder


def test_the_next_start_removes_the_folder_of_a_killed_server(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    abandoned = abandoned_folder(temporary)
    (link := temporary / "api-metrics-link").symlink_to(temporary.parent, target_is_directory=True)
    (temporary.parent / "owner").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with workers.common_folder():
        assert not abandoned.exists()
        workers._remove_abandoned_folders()
        assert Path(os.environ["API_METRICS_FOLDER"]).is_dir()
    assert list(temporary.iterdir()) == [link]
    assert temporary.is_dir()


@pytest.mark.parametrize("lock", ["owner", "0.lock"])
def test_the_folder_of_a_running_parent_or_worker_stays(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, lock: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    folder = abandoned_folder(temporary)
    held = workers._lock(folder / lock)
    assert held
    with held, workers.common_folder():
        assert folder.exists()
    with workers.common_folder():
        assert not folder.exists()


def test_unfinished_folders_and_folders_of_other_users_stay(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    (temporary / "api-metrics-unfinished").mkdir()
    with workers.common_folder():
        pass
    folder = abandoned_folder(temporary)
    monkeypatch.setattr(os, "geteuid", lambda: temporary.stat().st_uid + 1)
    with workers.common_folder():
        pass
    assert {path.name for path in temporary.iterdir()} == {"api-metrics-unfinished", folder.name}
