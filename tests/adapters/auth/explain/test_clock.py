"""The clock is compared with the `Date` header of a real server."""

from email.utils import formatdate

import pytest

from backend.testing.signers import key_set, signer
from tests.adapters.auth.explain.site import dated, diagnose
from tests.adapters.auth.key_server import Behaviour, answer
from tests.adapters.auth.tokens import NOW

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("page", "leeway", "problem"),
    [
        (dated(0), 10, None),
        (dated(5), 10, None),
        (dated(-5), 10, None),
        (dated(0), 0, None),
        (dated(3600), 10, "your clock is 3600 s behind the issuer's"),
        (dated(-60), 10, "your clock is 60 s ahead of the issuer's"),
        (dated(4), 2, "your clock is 4 s behind the issuer's"),
        (dated(-600, Age="600"), 10, None),
        (dated(-600, Age="soon"), 10, "your clock is 600 s ahead of the issuer's"),
        (dated(0, Date="Fri, 15 Jan 2027 08:00:00 -0000"), 10, None),
    ],
)
async def test_a_difference_beyond_the_leeway_is_a_problem(
    page: Behaviour, leeway: float, problem: str | None
) -> None:
    _, findings = await diagnose(page, leeway=leeway)
    assert findings["clock"].checked
    assert findings["clock"].problem == problem
    assert problem is None or "NTP" in str(findings["clock"].remedy)


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}, {"Date": ""}])
async def test_the_clock_is_not_checked_without_a_valid_date(headers: dict[str, str]) -> None:
    _, findings = await diagnose(answer(key_set(signer("EdDSA")), headers=headers))
    assert not findings["clock"].checked


async def test_the_clock_is_checked_even_if_there_are_no_keys() -> None:
    date = {"Date": formatdate(NOW + 60, usegmt=True)}
    _, findings = await diagnose(answer(b"", status=404, headers=date))
    assert "60 s behind" in str(findings["clock"].problem)
