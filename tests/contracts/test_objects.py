"""Keys of objects hold ids of ours, and nothing that somebody outside has named."""

import inspect
from collections.abc import Callable

import pytest

from contracts import objects

KEYS = [made for name, made in inspect.getmembers(objects, inspect.isfunction) if name.endswith("_key")]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.__name__)
def test_every_key_of_ours_is_known_as_made_by_us(key: Callable[..., str]) -> None:
    values = {"image_key": objects.image_key("id", "id", "standard")}
    parameters = inspect.signature(key).parameters.values()

    made = key(*(values.get(each.name, 1 if each.annotation is int else "id") for each in parameters))

    assert objects.is_server_made(made)


@pytest.mark.parametrize("key", ["inbox/default/owl.wav", "owl.wav", "", "spectrogram/x"])
def test_a_key_that_somebody_else_made_is_not(key: str) -> None:
    assert not objects.is_server_made(key)
