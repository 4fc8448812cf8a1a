"""URIs that lead inside, or nowhere: for what is to be imported, and for webhooks."""

from collections.abc import Iterator
from functools import partial

from .case import Case, Door

# The one host that the system under test lists; `{receiver}` is a server there that redirects by its path.
_RECEIVER = "{receiver}"
_METADATA = "http://169.254.169.254/latest/meta-data/"
_IMPORTS = {
    "a file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:6379/_FLUSHALL",
    "data": "data:audio/wav;base64,UklGRg==",
    "FTP": "ftp://127.0.0.1/a.wav",
    "a scheme in capitals": "FILE:///etc/passwd",
    "libav's concat": "concat:/etc/passwd|/etc/shadow",
    "libav's subfile": "subfile,,start,0,end,0,,:/etc/passwd",
    "nothing": "s3://",
    "another bucket": "s3://theirs/inbox/default/a.wav",
    "another project": "s3://dawnchorus/inbox/another/a.wav",
    "upwards": "s3://dawnchorus/inbox/default/../another/a.wav",
    "upwards, escaped": "s3://dawnchorus/inbox/default/%2e%2e/another/a.wav",
    "a stored recording": "s3://dawnchorus/audio/a/b",
    "a folder": "s3://dawnchorus/inbox/default/",
    "a double slash": "s3://dawnchorus/inbox/default//a.wav",
    "a line break": "s3://dawnchorus/inbox/default/a\r\nb.wav",
    "a null": "s3://dawnchorus/inbox/default/a\0b.wav",
    "a key of 2000 letters": f"s3://dawnchorus/inbox/default/{'k' * 2000}",
    "a host that is not listed": "http://10.0.0.1/a.wav",
    "metadata of a cloud": _METADATA,
    "metadata by IPv6": "http://[fd00:ec2::254]/latest/meta-data/",
    "a number for a host": "http://2852039166/",
    "hexadecimal": "http://0xa9.0xfe.0xa9.0xfe/",
    "octal": "http://0251.0376.0251.0376/",
    "mapped IPv6": "http://[::ffff:169.254.169.254]/",
    "a name and a password": "http://user:secret@127.0.0.1:1/a.wav",
    "another host before the @": "http://127.0.0.1:1@169.254.169.254/",
    "another host behind a #": "http://169.254.169.254#@127.0.0.1/",
    "another host behind a backslash": "http://169.254.169.254\\@127.0.0.1/",
    "a line break for a header": "http://127.0.0.1:1/\r\nX-Injected: 1\r\n",
    "no port": "http://127.0.0.1:99999/a.wav",
    "nobody listens": "http://127.0.0.1:1/a.wav",
    "half a bracket": "http://[::1",
    "a redirect to metadata": f"{_RECEIVER}/to/{_METADATA}",
    "a redirect to a file": f"{_RECEIVER}/to/file:///etc/passwd",
    "a redirect to a number": f"{_RECEIVER}/to/http://2852039166/",
    "a redirect in a circle": f"{_RECEIVER}/circle",
    "a page of HTML": f"{_RECEIVER}/html",
    "an error": f"{_RECEIVER}/500",
    "a length of 10 TB": f"{_RECEIVER}/endless",
    "a length that is none": f"{_RECEIVER}/wordy",
    "packed": f"{_RECEIVER}/gzip",
}
_REFUSED = frozenset({"foreign_uri", "address_refused", "address_unreachable", "object_missing", "bad_item"})
_IMPORT_ENDS = _REFUSED | {"unsupported", "too_large", "bad_request"}
_WEBHOOKS = {
    "a file": "file:///etc/passwd",
    "gopher": "gopher://10.0.0.1/",
    "a private network": "https://10.0.0.1/",
    "metadata of a cloud": "https://169.254.169.254/",
    "a number for a host": "https://167772161/",
    "hexadecimal": "https://0x0a000001/",
    "octal": "https://012.0.0.1/",
    "mapped IPv6": "https://[::ffff:10.0.0.1]/",
    "IPv4 in 6to4": "https://[2002:a00:1::]/",
    "IPv4 in NAT64": "https://[64:ff9b::a00:1]/",
    "unique local": "https://[fd00:ec2::254]/",
    "link local with a zone": "https://[fe80::1%25lo]/",
    "multicast": "https://224.0.0.1/",
    "a full stop behind it": "https://10.0.0.1./",
    "digits of another alphabet": "https://\u2460\u2460.0.0.1/",
    "a name and a password": "https://10.0.0.1:x@93.184.215.14/",
    "no port": "https://93.184.215.14:99999/",
    "a name that has no address": "https://nobody.invalid/",
    "a line break": "https://10.0.0.1/\r\nX-Injected: 1",
    "a null": "https://10.0.0.1\0.example.org/",
    "30 kB": f"https://{'a' * 30_000}.example.org/",
    "no host": "https:///x",
    "nothing": "",
}


def addresses() -> Iterator[Case]:
    """Yield every one of them."""
    for what, uri in _IMPORTS.items():
        yield Case(f"import: {what}", "address", Door.IMPORT, partial(str, uri), _IMPORT_ENDS)
    for what, uri in _WEBHOOKS.items():
        yield Case(
            f"webhook: {what}",
            "address",
            Door.WEBHOOK,
            partial(str, uri),
            frozenset({"address_refused", "bad_request"}),
        )
