"""Hashes of strings that are the same in every program: what `tf.string_to_hash_bucket` and its kin take modulo.

    fingerprint64    FarmHash's Fingerprint64 (`string_to_hash_bucket_fast`)
    hash64           TensorFlow's older hash, a variant of MurmurHash64A (`string_to_hash_bucket`)
    siphash          SipHash-2-4, with a secret key (`string_to_hash_bucket_strong`)

All numbers are 64 bits wide and wrap around; Python's do not, hence the many `& MASK`.

Example:
    >>> fingerprint64(b"hello"), hash64(b"hello")
    (13009744463427800296, 5943547241907780938)

Source: G. Pike: FarmHash, `farmhash.cc`, namespace farmhashna; A. Appleby: MurmurHash; J.-P. Aumasson, D. Bernstein:
"SipHash: a fast short-input PRF" (2012).
"""

from __future__ import annotations

MASK = 0xFFFFFFFFFFFFFFFF
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _word(s: bytes, at: int) -> int:
    return int.from_bytes(s[at : at + 8], "little")


def _half(s: bytes, at: int) -> int:
    return int.from_bytes(s[at : at + 4], "little")


def _right(x: int, by: int) -> int:
    return (x >> by | x << (64 - by)) & MASK


def _left(x: int, by: int) -> int:
    return _right(x, 64 - by)


def _shift_mix(x: int) -> int:
    return x ^ x >> 47


def _mix(u: int, v: int, mul: int) -> int:
    """Two words to one."""
    a = (u ^ v) * mul & MASK
    b = (v ^ a ^ a >> 47) * mul & MASK
    return (b ^ b >> 47) * mul & MASK


def fingerprint64(s: bytes) -> int:
    """FarmHash's Fingerprint64: 64 bits that stand for a string.

    Args:
        s: any bytes.

    Returns:
        0 <= number < 2**64.
    """
    if len(s) <= 16:
        return _up_to_16(s)
    if len(s) <= 32:
        return _up_to_32(s)
    if len(s) <= 64:
        return _up_to_64(s)
    return _longer(s)


def _up_to_16(s: bytes) -> int:
    n = len(s)
    mul = _K2 + 2 * n
    if n >= 8:
        a, b = (_word(s, 0) + _K2) & MASK, _word(s, n - 8)
        return _mix((_right(b, 37) * mul + a) & MASK, (_right(a, 25) + b) * mul & MASK, mul & MASK)
    if n >= 4:
        return _mix((n + (_half(s, 0) << 3)) & MASK, _half(s, n - 4), mul & MASK)
    if n == 0:
        return _K2
    y, z = s[0] + (s[n >> 1] << 8), n + (s[-1] << 2)
    return _shift_mix((y * _K2 ^ z * _K0) & MASK) * _K2 & MASK


def _up_to_32(s: bytes) -> int:
    n = len(s)
    mul = (_K2 + 2 * n) & MASK
    a, b = _word(s, 0) * _K1 & MASK, _word(s, 8)
    c, d = _word(s, n - 8) * mul & MASK, _word(s, n - 16) * _K2 & MASK
    first = (_right((a + b) & MASK, 43) + _right(c, 30) + d) & MASK
    return _mix(first, (a + _right((b + _K2) & MASK, 18) + c) & MASK, mul)


def _up_to_64(s: bytes) -> int:
    n = len(s)
    mul = (_K2 + 2 * n) & MASK
    a, b = _word(s, 0) * _K2 & MASK, _word(s, 8)
    c, d = _word(s, n - 8) * mul & MASK, _word(s, n - 16) * _K2 & MASK
    y = (_right((a + b) & MASK, 43) + _right(c, 30) + d) & MASK
    z = _mix(y, (a + _right((b + _K2) & MASK, 18) + c) & MASK, mul)
    e, f = _word(s, 16) * mul & MASK, _word(s, 24)
    g, h = (y + _word(s, n - 32)) * mul & MASK, (z + _word(s, n - 24)) * mul & MASK
    first = (_right((e + f) & MASK, 43) + _right(g, 30) + h) & MASK
    return _mix(first, (e + _right((f + a) & MASK, 18) + g) & MASK, mul)


def _weak(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    """32 bytes and two seeds to two words."""
    w, x, y, z = (_word(s, at + offset) for offset in (0, 8, 16, 24))
    a = (a + w) & MASK
    b = _right((b + a + z) & MASK, 21)
    c = a
    a = (a + x + y) & MASK
    b = (b + _right(a, 44)) & MASK
    return (a + z) & MASK, (b + c) & MASK


def _longer(s: bytes) -> int:
    n = len(s)
    x, y = 81, (81 * _K1 + 113) & MASK
    z = _shift_mix((y * _K2 + 113) & MASK) * _K2 & MASK
    v, w = (0, 0), (0, 0)
    x = (x * _K2 + _word(s, 0)) & MASK
    end = (n - 1) // 64 * 64
    for at in range(0, end, 64):
        x = _right((x + y + v[0] + _word(s, at + 8)) & MASK, 37) * _K1 & MASK
        y = _right((y + v[1] + _word(s, at + 48)) & MASK, 42) * _K1 & MASK
        x ^= w[1]
        y = (y + v[0] + _word(s, at + 40)) & MASK
        z = _right((z + w[0]) & MASK, 33) * _K1 & MASK
        v = _weak(s, at, v[1] * _K1 & MASK, (x + w[0]) & MASK)
        w = _weak(s, at + 32, (z + w[1]) & MASK, (y + _word(s, at + 16)) & MASK)
        z, x = x, z
    mul = (_K1 + ((z & 0xFF) << 1)) & MASK
    at = n - 64
    w = ((w[0] + ((n - 1) & 63)) & MASK, w[1])
    v = ((v[0] + w[0]) & MASK, v[1])
    w = ((w[0] + v[0]) & MASK, w[1])
    x = _right((x + y + v[0] + _word(s, at + 8)) & MASK, 37) * mul & MASK
    y = _right((y + v[1] + _word(s, at + 48)) & MASK, 42) * mul & MASK
    x ^= w[1] * 9 & MASK
    y = (y + v[0] * 9 + _word(s, at + 40)) & MASK
    z = _right((z + w[0]) & MASK, 33) * mul & MASK
    v = _weak(s, at, v[1] * mul & MASK, (x + w[0]) & MASK)
    w = _weak(s, at + 32, (z + w[1]) & MASK, (y + _word(s, at + 16)) & MASK)
    z, x = x, z
    first = (_mix(v[0], w[0], mul) + _shift_mix(y) * _K0 + z) & MASK
    return _mix(first, (_mix(v[1], w[1], mul) + x) & MASK, mul)


def hash64(s: bytes, seed: int = 0xDECAFCAFFE) -> int:
    """TensorFlow's `Hash64`: a variant of MurmurHash64A.

    Args:
        s: any bytes.
        seed: where the hash starts.

    Returns:
        0 <= number < 2**64.
    """
    m, r = 0xC6A4A7935BD1E995, 47
    h = (seed ^ len(s) * m) & MASK
    whole = len(s) // 8 * 8
    for at in range(0, whole, 8):
        k = _word(s, at) * m & MASK
        k = (k ^ k >> r) * m & MASK
        h = (h ^ k) * m & MASK
    if whole < len(s):
        h = (h ^ int.from_bytes(s[whole:], "little")) * m & MASK
    h = (h ^ h >> r) * m & MASK
    return h ^ h >> r


def siphash(s: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4: a hash whose collisions nobody can make who does not know the key.

    Args:
        s: any bytes.
        key: two numbers of 64 bits.

    Returns:
        0 <= number < 2**64.
    """
    low, high = (part & MASK for part in key)
    v = [low ^ 0x736F6D6570736575, high ^ 0x646F72616E646F6D, low ^ 0x6C7967656E657261, high ^ 0x7465646279746573]
    whole = len(s) // 8 * 8
    words = [_word(s, at) for at in range(0, whole, 8)]
    for word in [*words, int.from_bytes(s[whole:], "little") | (len(s) & 0xFF) << 56]:
        v[3] ^= word
        _sip_rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _sip_rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _sip_rounds(v: list[int], count: int) -> None:
    for _ in range(count):
        v[0] = (v[0] + v[1]) & MASK
        v[1] = _left(v[1], 13) ^ v[0]
        v[0] = _left(v[0], 32)
        v[2] = (v[2] + v[3]) & MASK
        v[3] = _left(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & MASK
        v[3] = _left(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & MASK
        v[1] = _left(v[1], 17) ^ v[2]
        v[2] = _left(v[2], 32)
