"""The schedule of fetches, without waiting and without an issuer."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.auth.jwks.schedule import (
    BACKOFF_JITTER,
    EMPTY_INTERVAL,
    MAX_BACKOFF,
    MAX_LOOKUP_PAUSE,
    MIN_INTERVAL,
    RECHECK_INTERVAL,
    REFRESH_AHEAD,
    RefreshSchedule,
)

NOW = 1000.0

times = st.floats(0, 1e6)
fractions = st.floats(0, 1)
events = st.lists(st.sampled_from(["success", "failure"]), max_size=20)


def lowest(low: float, _high: float) -> float:
    return low


def highest(_low: float, high: float) -> float:
    return high


def at(fraction: float) -> Callable[[float, float], float]:
    """Draw at a fixed place between the bounds."""
    return lambda low, high: low + (high - low) * fraction


def test_the_first_fetch_starts_at_once() -> None:
    schedule = RefreshSchedule(300)
    assert schedule.pause(NOW) <= 0
    assert schedule.due_in(NOW) <= 0
    assert not schedule.is_backing_off(NOW)


@pytest.mark.parametrize(
    ("uniform", "share"), [(lowest, REFRESH_AHEAD[0]), (highest, REFRESH_AHEAD[1])]
)
def test_refreshes_ahead_of_the_maximum_age(
    uniform: Callable[[float, float], float], share: float
) -> None:
    schedule = RefreshSchedule(300, uniform=uniform)
    schedule.record_attempt(NOW)
    schedule.record_success(NOW + 2)
    assert schedule.due_in(NOW + 2) == pytest.approx(300 * share)
    assert schedule.due_in(NOW + 2 + 300 * share) == pytest.approx(0)


def test_an_attempt_with_any_result_starts_a_pause() -> None:
    schedule = RefreshSchedule(300)
    schedule.record_attempt(NOW)
    assert schedule.pause(NOW) == MIN_INTERVAL
    schedule.record_success(NOW + 0.25)
    assert schedule.pause(NOW + 0.25) == MIN_INTERVAL - 0.25
    assert not schedule.is_backing_off(NOW + 0.25)


def test_the_back_off_doubles_up_to_its_maximum() -> None:
    schedule = RefreshSchedule(300, uniform=highest)
    waits = [schedule.record_failure(NOW) for _ in range(8)]
    assert waits == [2, 4, 8, 16, *[MAX_BACKOFF] * 4]
    assert schedule.failures == 8


def test_jitter_halves_the_back_off_at_most() -> None:
    schedule = RefreshSchedule(300, uniform=lowest)
    waits = [schedule.record_failure(NOW) for _ in range(6)]
    assert waits == [1, 2, 4, 8, *[MAX_BACKOFF * BACKOFF_JITTER[0]] * 2]


def test_a_success_ends_the_back_off() -> None:
    schedule = RefreshSchedule(300, uniform=highest)
    for _ in range(5):
        schedule.record_failure(NOW)
    assert schedule.is_backing_off(NOW)
    schedule.record_attempt(NOW + 30)
    schedule.record_success(NOW + 31)
    assert schedule.failures == 0
    assert not schedule.is_backing_off(NOW + 30.5)
    assert schedule.record_failure(NOW + 300) == 2


def test_retry_after_extends_the_back_off_and_never_shortens_it() -> None:
    schedule = RefreshSchedule(300, uniform=highest)
    assert schedule.record_failure(NOW, retry_after=120) == 120
    assert schedule.pause(NOW) == schedule.due_in(NOW) == 120
    assert schedule.record_failure(NOW, retry_after=0) == 4
    assert schedule.record_failure(NOW, retry_after=0.5) == 8


def test_a_thousand_failures_do_not_overflow() -> None:
    schedule = RefreshSchedule(300, uniform=highest)
    waits = [schedule.record_failure(NOW) for _ in range(2000)]
    assert set(waits[5:]) == {MAX_BACKOFF}


def test_two_schedules_differ() -> None:
    schedules = [RefreshSchedule(300) for _ in range(10)]
    for schedule in schedules:
        schedule.record_success(NOW)
    assert len({schedule.due_in(NOW) for schedule in schedules}) == 10


@given(now=times, duration=st.floats(0, 5), fraction=fractions, history=events)
def test_the_bounds_hold_after_any_history(
    now: float, duration: float, fraction: float, history: list[str]
) -> None:
    schedule = RefreshSchedule(300, uniform=at(fraction))
    for event in history:
        schedule.record_attempt(now)
        assert schedule.pause(now) == pytest.approx(MIN_INTERVAL)
        now += duration
        if event == "success":
            schedule.record_success(now)
            assert schedule.failures == 0
            assert not schedule.is_backing_off(now)
            assert 0.749 * 300 <= schedule.due_in(now) <= 0.901 * 300
            assert schedule.pause(now) <= MIN_INTERVAL + 1e-6
        else:
            wait = schedule.record_failure(now)
            assert schedule.is_backing_off(now)
            assert MIN_INTERVAL <= wait <= MAX_BACKOFF
            assert schedule.pause(now) == schedule.due_in(now) == pytest.approx(wait)
        now += max(schedule.pause(now), 0)


@given(retry_after=st.floats(0, 300), fraction=fractions)
def test_the_wait_is_never_shorter_than_retry_after(retry_after: float, fraction: float) -> None:
    schedule = RefreshSchedule(300, uniform=at(fraction))
    assert schedule.record_failure(NOW, retry_after=retry_after) >= retry_after


def lookup_times(schedule: RefreshSchedule, count: int) -> list[float]:
    """Make fruitless look-ups as soon as each is allowed; return when they start."""
    now, times = NOW, list[float]()
    for _ in range(count):
        now += max(schedule.lookup_pause(now), 0)
        times.append(now - NOW)
        schedule.record_attempt(now)
        schedule.record_success(now, lookup=True)
    return times


@pytest.mark.parametrize(
    ("workers", "expected"),
    [
        (1, [0, 1, 3, 7, 15, 24, 33, 42]),
        (2, [0, 2, 6, 14, 23, 32, 41, 50]),
        (4, [0, 4, 12, 21, 30, 39, 48, 57]),
        (64, [0, 9, 18, 27, 36, 45, 54, 63]),
    ],
)
def test_fruitless_look_ups_become_rarer(workers: int, expected: list[float]) -> None:
    assert lookup_times(RefreshSchedule(86_400, workers=workers), 8) == expected


def test_at_most_20_look_ups_start_within_two_minutes() -> None:
    times = lookup_times(RefreshSchedule(86_400), 21)
    assert times[20] > 120


def test_a_changed_key_set_allows_a_look_up_after_a_second() -> None:
    schedule = RefreshSchedule(86_400, workers=4)
    start = NOW + lookup_times(schedule, 8)[-1] + MAX_LOOKUP_PAUSE
    schedule.record_attempt(start)
    schedule.record_success(start, changed=True, lookup=True)
    assert schedule.lookup_pause(start) == MIN_INTERVAL


def test_the_pause_between_look_ups_shrinks_in_quiet_times() -> None:
    schedule = RefreshSchedule(86_400)
    quiet = NOW + lookup_times(schedule, 20)[-1] + 45
    assert schedule.lookup_pause(quiet) <= 0
    schedule.record_attempt(quiet)
    schedule.record_success(quiet, lookup=True)
    assert schedule.lookup_pause(quiet) == 1


def test_other_fetches_do_not_slow_look_ups_down() -> None:
    schedule = RefreshSchedule(86_400, workers=64)
    for _ in range(10):
        schedule.record_attempt(NOW)
        schedule.record_success(NOW)
    assert schedule.lookup_pause(NOW) == MIN_INTERVAL


def test_a_look_up_does_not_wait_longer_than_the_refresh_that_is_due() -> None:
    schedule = RefreshSchedule(4, workers=64, uniform=lowest)
    schedule.record_attempt(NOW)
    schedule.record_success(NOW, lookup=True)
    assert schedule.lookup_pause(NOW) == schedule.due_in(NOW) == 3


def test_an_empty_key_set_is_fetched_again_soon_and_is_not_a_failure() -> None:
    schedule = RefreshSchedule(86_400, uniform=highest)
    schedule.record_attempt(NOW)
    schedule.record_failure(NOW)
    schedule.record_attempt(NOW + 30)
    schedule.record_empty(NOW + 30)
    assert not schedule.is_backing_off(NOW + 30)
    assert schedule.due_in(NOW + 30) == EMPTY_INTERVAL


def test_a_bad_signature_may_cause_a_fetch_once_a_minute() -> None:
    schedule = RefreshSchedule(300)
    assert schedule.take_recheck(NOW)
    assert not schedule.take_recheck(NOW)
    assert not schedule.take_recheck(NOW + RECHECK_INTERVAL - 0.1)
    assert schedule.take_recheck(NOW + RECHECK_INTERVAL)


@given(pauses=st.lists(st.floats(0, 100), min_size=1, max_size=60), workers=st.integers(1, 64))
def test_no_pattern_of_look_ups_exceeds_the_budget(pauses: list[float], workers: int) -> None:
    schedule = RefreshSchedule(86_400, workers=workers)
    now, count = NOW, 0
    for pause in pauses:
        now += max(schedule.lookup_pause(now), 0) + pause
        schedule.record_attempt(now)
        schedule.record_success(now, lookup=True)
        count += 1
        assert MIN_INTERVAL - 1e-6 <= schedule.lookup_pause(now) <= MAX_LOOKUP_PAUSE + 1e-6
    assert count <= (now - NOW) / MAX_LOOKUP_PAUSE + 6
