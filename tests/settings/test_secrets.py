"""Shared secrets: their order, and that no output shows them."""

import pytest

from backend.settings import Settings
from tests.settings.environment import HIDDEN, OTHER_SECRET, SECRET, Environment


def test_the_current_secret_comes_first_without_duplicates(environment: Environment) -> None:
    settings = environment.read(
        BETTER_AUTH_SECRETS=f"2:{OTHER_SECRET}:with:colons,1:{SECRET}", BETTER_AUTH_SECRET=SECRET
    )
    assert settings.secrets == (f"{OTHER_SECRET}:with:colons", SECRET)


def test_whitespace_around_a_listed_secret_is_ignored(environment: Environment) -> None:
    settings = environment.read(BETTER_AUTH_SECRETS=f"2: {OTHER_SECRET} , 1:{SECRET}")
    assert settings.secrets == (OTHER_SECRET, SECRET)


def test_repr_and_dump_show_no_secret(environment: Environment) -> None:
    settings = environment.read(
        BETTER_AUTH_SECRET=SECRET,
        BETTER_AUTH_SECRETS=f"1:{OTHER_SECRET}",
        DATABASE_URL=f"postgresql://me:{HIDDEN}@db/todos",
    )
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        for secret in (SECRET, OTHER_SECRET, HIDDEN):
            assert secret not in shown


def test_the_error_about_an_invalid_secret_does_not_show_the_secret() -> None:
    with pytest.raises(ValueError, match="can be guessed") as failure:
        Settings.model_validate({"better_auth_secret": HIDDEN})
    assert HIDDEN not in str(failure.value)
