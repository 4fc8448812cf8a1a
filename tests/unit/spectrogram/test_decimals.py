import json

import numpy as np
import pytest

from services.spectrogram.decimals import decimals


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_numbers_have_commas_between_them(count: int) -> None:
    assert decimals(np.full(count, -7, dtype=np.int16)) == b",".join([b"-7"] * count)


def test_every_int16_is_written_as_json_writes_it() -> None:
    numbers = np.arange(-32_768, 32_768).astype(np.int16)

    assert b"[%s]" % decimals(numbers) == json.dumps(numbers.tolist(), separators=(",", ":")).encode()
