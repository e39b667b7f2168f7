"""Reads an issuer's key set (RFC 7517, section 5). An unusable key does not affect the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from backend.adapters.auth.jose.jwk import UnusableKeyError, VerificationKey, public_key
from backend.adapters.auth.jwks.document import NotStrict, read_members
from backend.adapters.auth.jwks.errors import FetchError, FetchErrorKind
from backend.domain.auth import InvalidAlgorithmError, UnknownKeyError

_LISTED_REASONS: Final = 10
_LISTED_KIDS: Final = 50

Keys = tuple[VerificationKey, ...]


@dataclass(frozen=True, slots=True, repr=False)
class KeySet:
    """The keys that may verify tokens.

    Attributes:
        by_kid: The usable keys; several keys may share an id. None is for keys without an id.
        any_kid: The key for every other key id: the only member of the set, if it has no id.
        rejected: Why each unusable member of the set was dropped. Keys for encryption, which
            Keycloak publishes in the same set, are dropped without a reason.
    """

    by_kid: Mapping[str | None, Keys] = field(default_factory=dict)
    any_kid: Keys = ()
    rejected: tuple[str, ...] = ()

    def match(self, algorithm: str, kid: str | None) -> Sequence[VerificationKey]:
        """Return the keys that may have signed a token; an empty result if the key id is unknown.

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
        keys_of_kid = self.by_kid.get(kid, self.any_kid)
        if len(keys_of_kid) == 1 and algorithm in keys_of_kid[0].algorithms:  # the usual case
            return keys_of_kid
        fitting = [key for key in keys_of_kid if algorithm in key.algorithms]
        if keys_of_kid and not fitting:
            raise InvalidAlgorithmError("the key with this kid is for another algorithm")
        return fitting

    def includes(self, other: "KeySet") -> bool:
        """Return whether this set has every key of another, unchanged and for the same tokens."""
        if other.any_kid and other.any_kid != self.any_kid:
            return False
        return all(self.by_kid.get(kid) == keys for kid, keys in other.by_kid.items())

    def equals(self, other: "KeySet") -> bool:
        """Return whether both sets have the same usable keys."""
        return self.by_kid == other.by_kid and self.any_kid == other.any_kid

    def changes_to(self, new: "KeySet") -> str:
        """Describe on a single line the keys that another set adds, removes and replaces, by id."""
        old = self.by_kid
        kids = {
            "added": [kid for kid in new.by_kid if kid not in old],
            "removed": [kid for kid in old if kid not in new.by_kid],
            "replaced": [kid for kid in old if kid in new.by_kid and old[kid] != new.by_kid[kid]],
        }
        changes = [
            f"{verb} {_shortened([_name(kid) for kid in changed], _LISTED_KIDS, ', ')}"
            for verb, changed in kids.items()
            if changed
        ]
        return "; ".join(changes) or "the key without id serves other tokens"

    def rejections(self) -> str:
        """Describe the unusable members on a single line."""
        return _summary(self.rejected)


def read_key_set(document: bytes) -> KeySet:
    """Read a key set.

    Args:
        document: The body of the issuer's response. Untrusted.

    Raises:
        FetchError: The document is not a key set, or none of its keys is usable.
    """
    members = read_members(document)
    by_kid: dict[str | None, Keys] = {}
    reasons, rejected = [], []
    for index, member in enumerate(members):
        try:
            key = _usable_key(member)
        except UnusableKeyError as error:
            reasons.append(f"key {index}: {error}")
            if not _is_for_encryption(member):
                rejected.append(reasons[-1])
        else:
            by_kid[key.kid] = (*by_kid.get(key.kid, ()), key)
    if members and not by_kid:
        raise FetchError(
            "the key set has no usable key: " + _summary(reasons),
            kind=FetchErrorKind.NO_USABLE_KEY,
        )
    # RFC 7515, section 4.1.4: a kid is a hint. With a single key, no hint is needed.
    any_kid = by_kid.get(None, ()) if len(members) == 1 else ()
    return KeySet(by_kid, any_kid, tuple(rejected))


def _usable_key(member: object) -> VerificationKey:
    if isinstance(member, NotStrict):
        raise UnusableKeyError(f"not strict JSON: {member.reason}")
    return public_key(member)


def _is_for_encryption(member: object) -> bool:
    """Return whether a key is meant for other things than signatures (RFC 7517, section 4.2)."""
    return isinstance(member, dict) and member.get("use") == "enc"


def _summary(reasons: Sequence[str]) -> str:
    return _shortened(reasons, _LISTED_REASONS, "; ")


def _shortened(texts: Sequence[str], listed: int, separator: str) -> str:
    hidden = len(texts) - listed
    rest = [f"and {hidden} more"] if hidden > 0 else []
    return separator.join([*texts[:listed], *rest])


def _name(kid: str | None) -> str:
    return "a key without id" if kid is None else repr(kid)
