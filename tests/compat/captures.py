"""Credentials that a release has issued, with all that is needed to verify them later."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

FOLDER: Final = Path(__file__).parent / "captures"

# What the table of the page shows, in its order.
ALGORITHMS: Final = ("EdDSA", "ES256", "ES512", "RS256", "PS256")
COOKIES: Final = ("compact", "jwt", "jwe", "jwks")
ACCESS_TOKEN: Final = "OAuth access token"
DISCOVERED: Final = "OAuth access token, by discovery"
KINDS: Final = (
    *(f"token {algorithm}" for algorithm in ALGORITHMS),
    *(f"cookie {strategy}" for strategy in COOKIES),
    ACCESS_TOKEN,
    DISCOVERED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A token or a session cookie.

    Attributes:
        kind: One of `KINDS`.
        value: The token, or the value of the cookie.
        user_id: The id of its user.
        settings: The environment variables with which the API accepts the credential.
        documents: What the issuer publishes, by URL: the key set, and the metadata.
        captured_at: The time in seconds since the epoch.
        accepted: Whether the API accepts it. docs/compatibility.md says why it refuses the others.
    """

    kind: str
    value: str
    user_id: str
    settings: Mapping[str, str]
    documents: Mapping[str, Any]
    captured_at: int
    accepted: bool

    @property
    def is_cookie(self) -> bool:
        """Whether the credential is a session cookie."""
        return self.kind.startswith("cookie ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """What one release has issued.

    Attributes:
        release: The version, or the name of another server.
        credentials: What it issued: one of each kind that it offers.
    """

    release: str
    credentials: Sequence[Credential]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a capture from its file."""
        content = json.loads(path.read_text())
        credentials = [Credential(**fields) for fields in content.pop("credentials")]
        return cls(**content, credentials=credentials)

    def save(self, path: Path) -> None:
        """Write the capture to a file."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    def kinds(self) -> Mapping[str, bool]:
        """Return the kinds that the release offers, and whether the API accepts them."""
        return {credential.kind: credential.accepted for credential in self.credentials}


def changed(value: str) -> str:
    """Return a credential with another character in its middle."""
    middle = len(value) // 2
    return f"{value[:middle]}{'A' if value[middle] != 'A' else 'B'}{value[middle + 1 :]}"
