"""The schedule of fetches, without waiting and without an issuer."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.adapters.auth.jwks.schedule import (
    BACKOFF_JITTER,
    MAX_BACKOFF,
    MIN_INTERVAL,
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


def test_an_attempt_starts_a_pause_whatever_its_result_is() -> None:
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
