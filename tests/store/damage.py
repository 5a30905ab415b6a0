"""Bytes as a bad disk, a bad line or a bad person leaves them."""

import random


def damage(content: bytes, chance: random.Random) -> bytes:
    """The content with a few bits flipped, bytes cut out, overwritten or inserted."""
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 5))):
        at, length = chance.randrange(len(damaged) or 1), chance.choice((1, 2, 8, 100, 512))
        noise = chance.choice((chance.randbytes(length), bytes(length), b"\xff" * length, b"9" * length))
        match chance.randrange(4):
            case 0:
                damaged[at : at + 1] = bytes(byte ^ (1 << chance.randrange(8)) for byte in damaged[at : at + 1])
            case 1:
                damaged[at : at + length] = b""
            case 2:
                damaged[at : at + length] = noise
            case _:
                damaged[at:at] = noise
    return bytes(damaged)
