"""Makes wrong bytes of right ones, the same ones for the same number."""

import random
from collections.abc import Callable, Sequence

_CHANGES_MAX = 6
_TELLING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
_WIDTHS = (1, 2, 4, 8)
# Where containers keep what they say of themselves.
_HEAD_BYTES = 512
_PIECE_BYTES_MAX = 64


def mutated(seeds: Sequence[bytes], number: int) -> bytes:
    """Return one of the seeds, changed in some places, most of them near its beginning."""
    chance = random.Random(number)
    content = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, _CHANGES_MAX)):
        chance.choice(_CHANGES)(content, chance, seeds)
    return bytes(content)


def _flip(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    if content:
        content[_place(content, chance)] ^= 1 << chance.randrange(8)


def _overwrite(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    width = chance.choice(_WIDTHS)
    number = chance.choice(_TELLING) & (1 << 8 * width) - 1
    at = _place(content, chance)
    content[at : at + width] = number.to_bytes(width, chance.choice(("big", "little")))


def _cut(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    del content[_place(content, chance) :]


def _drop(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    at = _place(content, chance)
    del content[at : at + chance.randint(1, _PIECE_BYTES_MAX)]


def _repeat(content: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    at = _place(content, chance)
    content[at:at] = content[at : at + chance.randint(1, _PIECE_BYTES_MAX)] * chance.randint(1, 8)


def _splice(content: bytearray, chance: random.Random, seeds: Sequence[bytes]) -> None:
    other = chance.choice(seeds)
    start = chance.randint(0, len(other))
    at = _place(content, chance)
    content[at:at] = other[start : start + chance.randint(1, _PIECE_BYTES_MAX)]


def _place(content: bytearray, chance: random.Random) -> int:
    reach = len(content) if chance.random() < 0.3 else min(len(content), _HEAD_BYTES)
    return chance.randrange(reach) if reach else 0


_CHANGES: tuple[Callable[[bytearray, random.Random, Sequence[bytes]], None], ...] = (
    *(_flip, _flip, _overwrite, _overwrite, _cut, _drop, _repeat, _splice),
)
