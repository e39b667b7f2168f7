"""Arithmetic on the curve of Ed25519 (RFC 8032, section 5.1), to make weak keys and signatures."""

from typing import Final

P: Final = 2**255 - 19
L: Final = 2**252 + 27742317777372353535851937790883648493
D: Final = -121665 * pow(121666, -1, P) % P

Point = tuple[int, int]
IDENTITY: Final[Point] = (0, 1)


def add(left: Point, right: Point) -> Point:
    x1, y1 = left
    x2, y2 = right
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x, y


def multiply(scalar: int, point: Point) -> Point:
    result = IDENTITY
    for bit in f"{scalar:b}":
        result = add(result, result)
        if bit == "1":
            result = add(result, point)
    return result


def x_of(y: int) -> int | None:
    """Return an x that forms a point with this y; None if the curve has no such point."""
    squared = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(squared, (P + 3) // 8, P)
    if x * x % P != squared:
        x = x * pow(2, (P - 1) // 4, P) % P
    return x if x * x % P == squared else None


def torsion() -> set[Point]:
    """Compute the eight points of small order: L times any point."""
    points: set[Point] = set()
    y = 2
    while len(points) < 8:
        x = x_of(y)
        if x is not None:
            point = multiply(L, (x, y))
            points |= {multiply(times, point) for times in range(1, 9)}
        y += 1
    return points


def encodings(y: int) -> list[bytes]:
    """Return every encoding that a lenient decoder accepts for this y: both signs, and y + p."""
    return [
        (value | sign << 255).to_bytes(32, "little")
        for value in (y, y + P)
        if value < 2**255
        for sign in (0, 1)
    ]
