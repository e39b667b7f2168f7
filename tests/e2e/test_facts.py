"""The installed release of Better Auth gives the answers that docs/questions.md describes."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from tests.e2e.better_auth import NODE
from tests.e2e.processes import ROOT, environment

Facts = dict[str, Any]

SCRIPT: Final = Path(__file__).with_name("facts.mjs")
ORIGIN: Final = "http://localhost:3000"


@pytest.fixture(scope="module")
def facts() -> Facts:
    process = subprocess.run(
        [NODE, "--input-type=module"],
        input=SCRIPT.read_text(),
        cwd=ROOT / "demo",
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    result: Facts = json.loads(process.stdout.splitlines()[-1])
    return result


def test_tokens_are_signed_with_eddsa_and_never_with_hs256(facts: Facts) -> None:
    assert facts["header"].keys() == {"alg", "kid"}
    assert facts["header"]["alg"] == facts["ignoredOption"] == "EdDSA"
    assert facts["hs256KeyPair"] == 500


def test_a_new_algorithm_waits_for_the_old_key_to_expire(facts: Facts) -> None:
    assert facts["algorithmBeforeExpiry"] == "EdDSA"
    assert facts["algorithmAfterExpiry"] == "ES256"
    assert facts["publishedAlgorithms"] == ["EdDSA", "ES256"]


def test_issuer_and_audience_are_the_origin_of_any_base_url(facts: Facts) -> None:
    assert {*facts["issuers"], facts["claims"]["iss"], facts["claims"]["aud"]} == {ORIGIN}


def test_the_token_of_the_bearer_plugin_is_not_a_jwt_but_fetches_a_jwt(facts: Facts) -> None:
    assert facts["sessionToken"].count(".") == 1
    assert facts["tokenByBearer"] == 200
    assert facts["tokenWithoutSession"] == facts["tokenByJwt"] == 401


def test_the_session_carries_a_jwt_in_a_header_that_pages_can_read(facts: Facts) -> None:
    assert facts["sessionJwt"] == facts["claims"]["sub"]
    assert "set-auth-jwt" in facts["exposedHeaders"]


def test_a_new_secret_cannot_use_the_old_private_key(facts: Facts) -> None:
    assert facts["tokenAfterNewSecret"] == facts["sessionAfterNewSecret"] == 500
    assert facts["keysAfterNewSecret"] == 200
    assert facts["tokenAfterNewKey"] == 200


def test_a_missing_table_is_an_error_of_the_server(facts: Facts) -> None:
    assert facts["tokenWithoutTable"] == 500


def test_the_subject_is_the_user_id_which_is_not_a_uuid_by_default(facts: Facts) -> None:
    assert facts["claims"]["sub"] == facts["userId"]
    assert re.fullmatch(r"[A-Za-z0-9]{32}", facts["userId"])
    assert str(UUID(facts["uuid"])) == facts["uuid"]


def test_a_token_lives_for_15_minutes(facts: Facts) -> None:
    assert facts["claims"]["exp"] - facts["claims"]["iat"] == 15 * 60
