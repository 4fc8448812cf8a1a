"""What this process was told through its environment and nobody else shall read there."""

import ctypes
import os

from pydantic import SecretStr

from .settings import ServiceSettings


def forget_secrets(settings: ServiceSettings) -> None:
    """Take the secrets that `settings` were read from out of the environment.

    Children inherit it, and may read ours in /proc: a decoder that is taken over finds none.
    """
    find = ctypes.CDLL(None).getenv
    find.restype = ctypes.c_void_p
    for name in _secret_variables(settings):
        value = os.environb.get(name.encode())
        where = find(name.encode())
        if value is not None and where is not None:
            # What is only taken out of the list stays where the kernel shows it.
            ctypes.memset(where, 0, len(value))
        os.environ.pop(name, None)


def _secret_variables(settings: ServiceSettings) -> list[str]:
    """Return how the fields that hold a secret are called in the environment."""
    fields, prefix = type(settings).model_fields, settings.model_config.get("env_prefix", "")
    secret = [(name, field) for name, field in fields.items() if isinstance(getattr(settings, name), SecretStr)]
    return [str(field.validation_alias or f"{prefix}{name}".upper()) for name, field in secret]
