"""The OpenAPI document shows the problems that the API really sends."""

import pytest

from backend.domain.auth import (
    ExpiredTokenError,
    InvalidTokenError,
    MalformedAuthorizationError,
    MissingTokenError,
    VerifierUnavailableError,
)
from backend.entrypoints.http.auth.errors import MissingRoleError, MissingScopeError
from backend.entrypoints.http.auth.session_cookies import ForbiddenOriginError
from backend.entrypoints.http.problems.auth_problems import auth_problem
from backend.entrypoints.http.problems.codes import PROBLEM_CODES
from backend.entrypoints.http.problems.problem_details import SHUTTING_DOWN, Problem
from backend.entrypoints.server import refusals

PROBLEMS = [
    *map(
        auth_problem,
        [
            MissingTokenError(),
            MalformedAuthorizationError(),
            ExpiredTokenError(),
            InvalidTokenError(),
            ForbiddenOriginError(),
            MissingScopeError(["todos:write"]),
            MissingRoleError(["admin"]),
            VerifierUnavailableError("the issuer is down"),
        ],
    ),
    refusals.HEAD_TOO_LARGE,
    refusals.MALFORMED_REQUEST,
    SHUTTING_DOWN,
    refusals.TOO_MANY_CONNECTIONS,
    refusals.TOO_MANY_PIPELINED,
]


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.code)
def test_the_example_of_a_code_has_the_status_and_the_detail_of_the_problem(
    problem: Problem,
) -> None:
    code = PROBLEM_CODES[problem.code]
    assert (code.status, code.detail) == (problem.status, problem.detail)
