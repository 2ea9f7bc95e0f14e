"""Exact rationals with limits on their size.

In:  product((1, 2), (10, 1)), square_root((16, 9)), power((2, 1), (100000, 1))
Out: (10, 2), (4, 3), None

A value is (numerator, denominator), the denominator positive, not reduced; None is "not plain arithmetic", which every
operation passes on, and what any operation past the limits gives.
"""

import math

Rational = tuple[int, int]

MAX_BITS = 4096  # of a numerator or denominator
MAX_FACTORIAL = 200
MAX_EXPONENT = 1000


def _bits(value: int) -> int:
    return value.bit_length()


def sized(numerator: int, denominator: int) -> Rational | None:
    """The rational with a positive denominator, or None past the size guard."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    if denominator.bit_length() > 256:
        divisor = math.gcd(numerator, denominator)
        numerator, denominator = numerator // divisor, denominator // divisor
    return (numerator, denominator) if _bits(numerator) <= MAX_BITS and _bits(denominator) <= MAX_BITS else None


def product(left: Rational | None, right: Rational | None) -> Rational | None:
    """left · right."""
    return None if left is None or right is None else sized(left[0] * right[0], left[1] * right[1])


def power(base: Rational | None, exponent: Rational | None) -> Rational | None:
    """base ** exponent for whole exponents."""
    if base is None or exponent is None or exponent[0] % exponent[1]:
        return None
    power = exponent[0] // exponent[1]
    if power < 0:
        if base[0] == 0:
            return None
        base, power = (base[1], base[0]), -power
    if power > MAX_EXPONENT or max(_bits(base[0]), _bits(base[1])) * power > MAX_BITS:
        return None
    return sized(base[0] ** power, base[1] ** power)


def _whole(value: Rational | None) -> int | None:
    return None if value is None or value[0] % value[1] else value[0] // value[1]


def factorial(value: Rational | None) -> Rational | None:
    """value! for whole values."""
    n = _whole(value)
    return None if n is None or not 0 <= n <= MAX_FACTORIAL else sized(math.factorial(n), 1)


def binomial(upper: Rational, lower: Rational) -> Rational | None:
    """upper over lower, for whole values."""
    n, k = _whole(upper), _whole(lower)
    return None if n is None or k is None or not 0 <= k <= n <= MAX_FACTORIAL else sized(math.comb(n, k), 1)


def square_root(value: Rational | None) -> Rational | None:
    """The square root where it is rational."""
    if value is None or value[0] < 0:
        return None
    divisor = math.gcd(*value)
    upper, lower = value[0] // divisor, value[1] // divisor
    a, b = math.isqrt(upper), math.isqrt(lower)
    return (a, b) if a * a == upper and b * b == lower else None
