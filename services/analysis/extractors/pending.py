"""Frames of series that wait to be asked for."""

import numpy as np

from .protocol import SeriesBlock


class PendingSeries:
    """Blocks in the order of time, given away as one."""

    def __init__(self) -> None:
        """Start with none."""
        self._blocks: list[SeriesBlock] = []

    def add(self, block: SeriesBlock) -> None:
        """Keep the next frames."""
        self._blocks.append(block)

    def take(self) -> SeriesBlock | None:
        """Return the frames since the last call, if any."""
        blocks, self._blocks = self._blocks, []
        if len(blocks) < 2:
            return blocks[0] if blocks else None
        return SeriesBlock(
            np.concatenate([block.times_s for block in blocks]),
            {name: np.concatenate([block.values[name] for block in blocks]) for name in blocks[0].values},
        )
