"""Reads an issuer's key set (RFC 7517, section 5). An unusable key does not affect the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from backend.adapters.auth.jose.jwk import UnusableKeyError, VerificationKey, public_key
from backend.adapters.auth.jose.jws import load_object
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.domain.auth import InvalidAlgorithmError, MalformedTokenError, UnknownKeyError

MAX_KEYS: Final = 100


@dataclass(frozen=True, slots=True, repr=False)
class KeySet:
    """The keys that may verify tokens.

    Attributes:
        by_kid: The usable keys; several keys may share an id.
        rejected: Why each unusable member of the set was dropped.
    """

    by_kid: Mapping[str, tuple[VerificationKey, ...]] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()

    def match(self, algorithm: str, kid: str | None) -> Sequence[VerificationKey]:
        """Return the keys that may have signed a token; none if the key id is unknown.

        Raises:
            InvalidAlgorithmError: The key with this id does not fit the algorithm.
            UnknownKeyError: There is no key id, and several keys fit the algorithm.
        """
        if kid is None:
            keys = [key for same_kid in self.by_kid.values() for key in same_kid]
            fitting = [key for key in keys if algorithm in key.algorithms]
            if len(fitting) > 1:
                raise UnknownKeyError("the token has no kid, and several keys match")
            return fitting
        keys_of_kid = self.by_kid.get(kid, ())
        if len(keys_of_kid) == 1 and algorithm in keys_of_kid[0].algorithms:  # the usual case
            return keys_of_kid
        fitting = [key for key in keys_of_kid if algorithm in key.algorithms]
        if keys_of_kid and not fitting:
            raise InvalidAlgorithmError("the key with this kid is for another algorithm")
        return fitting

    def includes(self, other: "KeySet") -> bool:
        """Tell whether every key of another set is in this set, unchanged."""
        return all(self.by_kid.get(kid) == keys for kid, keys in other.by_kid.items())


def read_key_set(document: bytes) -> KeySet:
    """Read a key set.

    Args:
        document: The body of the issuer's response. Untrusted.

    Raises:
        FetchError: The document is not a key set, or none of its keys is usable.
    """
    try:
        members = load_object(document).get("keys")
    except MalformedTokenError as error:
        raise FetchError(f"not a key set: {error}", kind=FetchErrorKind.NOT_A_KEY_SET) from None
    if not isinstance(members, list) or len(members) > MAX_KEYS:
        raise FetchError(
            f"not a key set: `keys` is not a list of at most {MAX_KEYS} keys",
            kind=FetchErrorKind.NOT_A_KEY_SET,
        )
    by_kid: dict[str, tuple[VerificationKey, ...]] = {}
    rejected = []
    for index, member in enumerate(members):
        try:
            key = public_key(member)
        except UnusableKeyError as error:
            rejected.append(f"key {index}: {error}")
        else:
            by_kid[key.kid or ""] = (*by_kid.get(key.kid or "", ()), key)
    if members and not by_kid:
        raise FetchError(
            "the key set has no usable key: " + "; ".join(rejected),
            kind=FetchErrorKind.NO_USABLE_KEY,
        )
    return KeySet(by_kid, tuple(rejected))
