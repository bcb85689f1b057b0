"""None, booleans, numbers, and the other objects that have no parts."""

import math

from .row import plain


def one(value):
    """A row for one immutable value, named by it."""
    plain("%s %r" % (type(value).__name__, value), lambda: value)


def is_the(value):
    def check(loaded):
        assert loaded is value

    return check


for single in (None, True, False, Ellipsis, NotImplemented):
    plain(repr(single), lambda single=single: single, is_the(single))
    plain("type of %r" % single, lambda single=single: type(single), is_the(type(single)))

# Each opcode's last value and the first beyond it: BININT1, BININT2, BININT, LONG1 of each length.
for number in (0, 1, -1, 127, 128, -128, -129, 254, 255, 256, 257, 65534, 65535, 65536, -32768, -65536):
    one(number)
for bits in (31, 32, 39, 40, 47, 48, 55, 56, 63, 64, 71, 127, 128, 255):
    for number in (2**bits - 1, 2**bits, 2**bits + 1, -(2**bits) + 1, -(2**bits), -(2**bits) - 1):
        plain("int %s2**%d%+d" % ("-" if number < 0 else "", bits, abs(number) - 2**bits), lambda number=number: number)
# LONG1 holds 255 bytes, the sign's bit included; then LONG4.
for name, number in {
    "2**2039-1": 2**2039 - 1,
    "2**2039": 2**2039,
    "-2**2039": -(2**2039),
    "-2**2039-1": -(2**2039) - 1,
    "2**2040-1": 2**2040 - 1,
    "10**4000": 10**4000,
    # Too many digits for the text protocols of the Pythons that limit them.
    "10**5000": 10**5000,
    "-3**20000": -(3**20000),
    "2**600000": 2**600000,
}.items():
    plain("int " + name, lambda number=number: number)
plain("ints of each width", lambda: [sign * (2**bits) + delta for bits in range(80) for sign in (1, -1) for delta in (-1, 0, 1)])
plain("booleans and ints", lambda: [True, 1, False, 0, 1.0, True, 1])

for number in (0.0, -0.0, 1.0, -1.5, 0.1, 1e16, 1e17, 123456789012345678.0, 1e-5, 5e-324, 1.7976931348623157e308):
    plain("float %r" % number, lambda number=number: number, lambda loaded, number=number: same_float(loaded, number))
for name, number in {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}.items():
    plain("float " + name, lambda number=number: number, lambda loaded, number=number: same_float(loaded, number))
plain("floats", lambda: [float(n) / 7 for n in range(1000)])


def same_float(loaded, expected):
    assert type(loaded) is float and repr(loaded) == repr(expected), (loaded, expected)


plain("complex", lambda: 1.5 - 2j)
plain("complex edges", lambda: [complex(-0.0, math.inf), complex(1e300, -1e-300)])
