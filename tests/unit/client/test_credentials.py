from pathlib import Path

import pytest

from client import Credentials, NotLoggedInError, kept_credentials
from client.credentials import keep_credentials
from client.errors import BadUrlError

KEPT = Credentials("http://kept", "dc_1_kept")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("DAWNCHORUS_URL", raising=False)
    monkeypatch.delenv("DAWNCHORUS_API_KEY", raising=False)


def test_credentials_are_kept_for_their_owner_alone() -> None:
    path = keep_credentials(KEPT)

    assert kept_credentials() == KEPT
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_environment_goes_before_what_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_credentials(KEPT)
    monkeypatch.setenv("DAWNCHORUS_API_KEY", "dc_2_other")

    assert kept_credentials() == Credentials("http://kept", "dc_2_other")

    monkeypatch.setenv("DAWNCHORUS_URL", "http://other/")

    assert kept_credentials() == Credentials("http://other", "dc_2_other")


def test_a_kept_key_goes_to_no_other_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_credentials(KEPT)
    monkeypatch.setenv("DAWNCHORUS_URL", "http://other")

    with pytest.raises(NotLoggedInError):
        kept_credentials()


@pytest.mark.parametrize("url", ["gateway:8000", "ftp://gateway", "http://", "http://a:b", ""])
def test_what_is_no_url_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(BadUrlError):
        Credentials.of(url, "dc_1_kept")


def test_without_credentials_one_is_not_logged_in() -> None:
    with pytest.raises(NotLoggedInError):
        kept_credentials()
