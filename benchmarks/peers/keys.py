"""The verification key of the applications, from the environment."""

import json
import os
from typing import Any

ALGORITHM = os.environ.get("BENCH_ALGORITHM", "EdDSA")
JWK: dict[str, Any] = json.loads(os.environ.get("BENCH_JWK", "{}"))
