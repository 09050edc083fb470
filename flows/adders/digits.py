"""Numbers as signed digits: the ways to write a weight as a sum of powers of two that the search chooses among."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache


def signed_digits(number: int) -> Iterator[tuple[int, int]]:
    """(shift, sign) of the canonical signed digits, the lowest first: no two neighbours are both non-zero."""
    shift = 0
    while number:
        if number & 1:
            sign = 2 - (number & 3)
            yield shift, sign
            number -= sign
        number >>= 1
        shift += 1


def plain_digits(number: int) -> Iterator[tuple[int, int]]:
    """(shift, sign) of the binary digits of the magnitude, the lowest first, all with the sign of the number."""
    sign, rest = (1, number) if number > 0 else (-1, -number)
    for shift in range(rest.bit_length()):
        if rest >> shift & 1:
            yield shift, sign


@lru_cache(maxsize=1 << 16)
def ways(number: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The digits of `number` in every way that is looked at, each with the fewest digits there are.

    The canonical ones; where the binary ones are as few (3 = 2 + 1 = 4 - 1), these first: a sum of unsigned numbers is
    unsigned, and cheaper to go on with than a difference.
    """
    canonical, plain = tuple(signed_digits(number)), tuple(plain_digits(number))
    return (plain, canonical) if len(plain) == len(canonical) and plain != canonical else (canonical,)
