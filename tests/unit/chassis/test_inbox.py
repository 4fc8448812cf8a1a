import pytest

from chassis.inbox import ForeignUriError, inbox_key, inbox_uri

INBOX = inbox_uri("ours", "inbox/", "field")


def test_an_object_of_the_inbox_has_the_key_that_its_uri_says() -> None:
    assert inbox_key("s3://ours/inbox/field/night/a.wav", INBOX) == "inbox/field/night/a.wav"


@pytest.mark.parametrize(
    "uri",
    [
        "s3://theirs/inbox/field/a.wav",
        "s3://ours/audio/0192f0c1/original",
        "s3://ours/inbox/fields/a.wav",
        "s3://ours/inbox/field/",
        "s3://ours/inbox/field/night/",
        "s3://ours/inbox/field/../music/a.wav",
        "s3://ours/inbox/field/./a.wav",
        "s3://ours/inbox/field//a.wav",
        "s3://ours/inbox/field/a\n.wav",
        "s3://ours/inbox/field/" + "a" * 1100,
        "S3://ours/inbox/field/a.wav",
        "https://example.org/a.wav",
        "file:///etc/passwd",
        "",
    ],
)
def test_nothing_else_is_taken_in(uri: str) -> None:
    with pytest.raises(ForeignUriError):
        inbox_key(uri, INBOX)
