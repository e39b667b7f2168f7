"""The key that every app here verifies with, handed down by the process that signs."""

import json
import os
from typing import Any

ALGORITHM = os.environ.get("BENCH_ALGORITHM", "EdDSA")
JWK: dict[str, Any] = json.loads(os.environ.get("BENCH_JWK", "{}"))
