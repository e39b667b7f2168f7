"""An issuer's key set, read and judged (RFC 7517, section 5): a bad key costs itself only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from backend.adapters.auth.jose.jwk import UnusableKeyError, VerificationKey, public_key
from backend.adapters.auth.jose.jws import load_object
from backend.adapters.auth.jwks.fetch import FetchError
from backend.domain.auth import InvalidAlgorithmError, MalformedTokenError, UnknownKeyError

MAX_KEYS: Final = 100


@dataclass(frozen=True, slots=True, repr=False)
class KeySet:
    """The keys that may verify tokens.

    Attributes:
        by_kid: The usable keys; an id may name several.
        rejected: Why each unusable member of the set was dropped.
    """

    by_kid: Mapping[str, tuple[VerificationKey, ...]] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()

    def match(self, algorithm: str, kid: str | None) -> Sequence[VerificationKey]:
        """Return the keys that may have signed a token; none if its id is unknown.

        Raises:
            InvalidAlgorithmError: The key that is named is not one for this algorithm.
            UnknownKeyError: None is named, and more than one fits.
        """
        if kid is None:
            keys = [key for named in self.by_kid.values() for key in named]
            fitting = [key for key in keys if algorithm in key.algorithms]
            if len(fitting) > 1:
                raise UnknownKeyError("names no key, and more than one fits")
            return fitting
        named = self.by_kid.get(kid, ())
        if len(named) == 1 and algorithm in named[0].algorithms:  # as it nearly always is
            return named
        fitting = [key for key in named if algorithm in key.algorithms]
        if named and not fitting:
            raise InvalidAlgorithmError("the key that is named is not one for this algorithm")
        return fitting

    def keeps(self, earlier: "KeySet") -> bool:
        """Tell whether every key of an earlier set is in this one, unchanged."""
        return all(self.by_kid.get(kid) == keys for kid, keys in earlier.by_kid.items())


def read_key_set(document: bytes) -> KeySet:
    """Read a key set.

    Args:
        document: The bytes that the issuer sent. Untrusted.

    Raises:
        FetchError: Not a key set, or none of its keys is usable.
    """
    try:
        members = load_object(document).get("keys")
    except MalformedTokenError as error:
        raise FetchError(f"not a key set: {error}") from None
    if not isinstance(members, list) or len(members) > MAX_KEYS:
        raise FetchError(f"not a key set: keys is not a list of at most {MAX_KEYS}")
    by_kid: dict[str, tuple[VerificationKey, ...]] = {}
    rejected = []
    for place, member in enumerate(members):
        try:
            key = public_key(member)
        except UnusableKeyError as error:
            rejected.append(f"key {place}: {error}")
        else:
            by_kid[key.kid or ""] = (*by_kid.get(key.kid or "", ()), key)
    if members and not by_kid:
        raise FetchError("no usable key in the key set: " + "; ".join(rejected))
    return KeySet(by_kid, tuple(rejected))
