"""A short-lived cache of Better Auth's answers about sessions.

A question is a request to `get-session`. Concurrent callers with the same session share a question.
Refusals are kept like principals: a client that repeats the token of an ended session must not make
this server repeat the question. A failure is kept for a second, and is never a refusal.
"""

import asyncio
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.domain.auth import AuthError, Principal, VerifierUnavailableError

MAX_QUESTIONS: Final = 64  # at the same time
MIN_PAUSE: Final = 1.0  # seconds after a failure

_LOG_INTERVAL: Final = 10.0  # seconds
_TOO_MANY_REQUESTS: Final = 429
# These failures concern every session. Any other failure may be that of one session, for example a
# user whose row is too large. It must not keep the server from asking about other sessions.
_OUTAGES: Final = frozenset(
    {FetchErrorKind.UNREACHABLE, FetchErrorKind.CERTIFICATE, FetchErrorKind.TLS}
)

_Answer = Principal | AuthError | VerifierUnavailableError

_log = logging.getLogger(__name__)


class _Kept(NamedTuple):
    answer: _Answer
    until: float


class _Question(NamedTuple):
    task: asyncio.Task[_Answer]
    asked_at: float


class SessionAnswers:
    """Caches the answers about sessions, and limits the questions.

    Args:
        source: Names Better Auth in log messages, for example by the URL that is asked.
        max_age: Seconds for which an answer is used, counted from the question. A request that
            comes later waits for another answer, even if the first is still on its way.
        size: The maximum number of answers to keep. The oldest is dropped first.
        clock: Returns the time in seconds since the epoch.
        timer: Monotonic time in seconds.
    """

    def __init__(
        self,
        *,
        source: str = "Better Auth",
        max_age: float,
        size: int,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._max_age = max_age
        self._size = size
        self._clock = clock
        self._timer = timer
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._questions: dict[bytes, _Question] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._paused_until = -math.inf
        self._logged_until = -math.inf

    async def get(self, key: bytes, ask: Callable[[], Awaitable[Principal]]) -> Principal:
        """Return the principal of a session, from the cache or by a question.

        Args:
            key: Identifies the session.
            ask: Asks about the session. Its `FetchError` is an outage.

        Raises:
            AuthError: The answer is a refusal.
            VerifierUnavailableError: There is no answer now.
        """
        now = self._timer()
        answer = self._find(key, now)
        while answer is None:
            # `wait` isolates cancellation: a cancelled caller does not cancel the question.
            question = self._question(key, ask)
            await asyncio.wait((question.task,))
            answer = question.task.result()
            if isinstance(answer, Principal) and question.asked_at + self._max_age < now:
                # The session may have ended after the question, and before this request.
                answer = self._find(key, now)
        if isinstance(answer, Principal):
            return answer
        raise _copy(answer)

    def _find(self, key: bytes, now: float) -> _Answer | None:
        kept = self._kept.get(key)
        if kept is None or kept.until <= now:
            return None
        answer = kept.answer
        if isinstance(answer, Principal) and answer.expires_at <= self._clock():
            return None
        return answer

    def _question(self, key: bytes, ask: Callable[[], Awaitable[Principal]]) -> _Question:
        """Return the question about a session that is in progress, or start a question."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # the questions of an earlier loop have ended with it
            self._loop, self._questions = loop, {}
        question = self._questions.get(key)
        if question is not None:
            return question
        now = self._timer()
        if now < self._paused_until:
            raise VerifierUnavailableError(
                "Better Auth could not be asked about a session a moment ago",
                retry_after=max(self._paused_until - now, MIN_PAUSE),
            )
        if len(self._questions) >= MAX_QUESTIONS:
            raise VerifierUnavailableError(
                f"more than {MAX_QUESTIONS} sessions are asked about at the same time",
                retry_after=MIN_PAUSE,
            )
        task = asyncio.create_task(self._ask(key, ask, until=now + self._max_age))
        question = self._questions[key] = _Question(task, now)
        return question

    async def _ask(
        self, key: bytes, ask: Callable[[], Awaitable[Principal]], *, until: float
    ) -> _Answer:
        answer: _Answer
        try:
            answer = await ask()
        except AuthError as error:
            answer = error
        except VerifierUnavailableError as error:
            answer = error
            until = self._timer() + error.retry_after
            self._log_failure(error)
        except FetchError as error:
            answer = VerifierUnavailableError(
                f"Better Auth cannot be asked about a session: {error}",
                retry_after=max(error.retry_after or 0.0, MIN_PAUSE),
            )
            answer.__cause__ = error
            until = self._timer() + answer.retry_after
            self._log_failure(answer)
            if error.kind in _OUTAGES or error.status == _TOO_MANY_REQUESTS:
                self._paused_until = until
        finally:
            self._questions.pop(key, None)
        self._keep(key, answer, until)
        return answer

    def _log_failure(self, error: VerifierUnavailableError) -> None:
        now = self._timer()
        if now >= self._logged_until:
            self._logged_until = now + _LOG_INTERVAL
            _log.warning("no answer from %s: %s. Run `doctor` for help.", self._source, error)

    def _keep(self, key: bytes, answer: _Answer, until: float) -> None:
        if isinstance(answer, Exception):
            _forget_frames(answer)
        if not self._size or until <= self._timer():
            return
        self._kept[key] = _Kept(answer, until)
        self._kept.move_to_end(key)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)


def _forget_frames(error: BaseException) -> None:
    """Remove the traceback, which would keep the token in memory."""
    error.__traceback__ = error.__context__ = None
    if error.__cause__ is not None:
        _forget_frames(error.__cause__)


def _copy(error: AuthError | VerifierUnavailableError) -> AuthError | VerifierUnavailableError:
    """Return an equal error to raise. Raising adds a traceback, which the answer must not keep."""
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__.update(error.__dict__)
    copy.__cause__ = error.__cause__
    return copy
