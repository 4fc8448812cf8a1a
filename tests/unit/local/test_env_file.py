import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from deploy.local.env_file import read_env_file, write_env_file

HOSTILE = 'it\'s "quoted" $HOME `id` \\ back\nline; & end'


def test_a_shell_reads_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "env"

    write_env_file(path, {"AMQP_URL": "amqp://a:b@127.0.0.1:1/", "ODD": HOSTILE})

    assert _sourced(path, "AMQP_URL") == "amqp://a:b@127.0.0.1:1/"
    assert _sourced(path, "ODD") == HOSTILE


@given(value=st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"])))
def test_reading_gives_back_what_was_written(tmp_path_factory: object, value: str) -> None:
    path = _folder(tmp_path_factory) / "env"

    write_env_file(path, {"FIRST": value, "SECOND": "plain"})

    assert read_env_file(path) == {"FIRST": value, "SECOND": "plain"}


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "env"

    write_env_file(path, {"S3_SECRET_ACCESS_KEY": "secret"})

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / "env") == {}


def _sourced(path: Path, name: str) -> str:
    script = f'. "$1"; printf %s "${name}"'
    shell = subprocess.run(["sh", "-c", script, "sh", str(path)], capture_output=True, text=True, check=True)
    return shell.stdout


def _folder(factory: object) -> Path:
    assert hasattr(factory, "getbasetemp")
    folder: Path = factory.getbasetemp()
    return folder
