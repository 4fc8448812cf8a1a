"""What can go wrong between a client and the gateway.

ClientError
├── RefusedError       the gateway's answer is a problem; it says what to do
├── NotReadyError      the result is still being made
├── UnreachableError   nobody answers, or the connection broke too often
├── NotLoggedInError   there is no URL or no key
└── BadUrlError        what should be a URL is none
"""


class ClientError(Exception):
    """Base: the sentence says what happened, `code` is for programs."""

    code = "client"
    next_step: str | None = None
    trace_id: str | None = None

    def document(self) -> dict[str, str | None]:
        """Return the error as programs read it."""
        return {"code": self.code, "detail": str(self), "next_step": self.next_step, "trace_id": self.trace_id}


class RefusedError(ClientError):
    """A problem document (RFC 9457), or another answer that is none of success."""

    def __init__(
        self, status: int, code: str, detail: str, next_step: str | None = None, trace_id: str | None = None
    ) -> None:
        super().__init__(status, code, detail, next_step, trace_id)
        self.status = status
        self.code = code
        self.detail = detail
        self.next_step = next_step
        self.trace_id = trace_id

    def __str__(self) -> str:
        return self.detail


class NotReadyError(ClientError):
    """What was asked for is still being made."""

    code = "not_ready"
    next_step = "Ask again, or wait for it with --wait."

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status

    def __str__(self) -> str:
        return f"It is not there yet: {self.status}."


class UnreachableError(ClientError):
    """No answer came."""

    code = "unreachable"
    next_step = "Check the URL and the network, then repeat the command; what was sent already is not sent again."

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.url} does not answer: {self.reason}"


class BadUrlError(ClientError):
    """The gateway's URL is none of HTTP."""

    code = "bad_url"
    next_step = "Give it as in https://dawnchorus.example.org."

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __str__(self) -> str:
        return f"{self.url!r} is no URL of a gateway."


class NotLoggedInError(ClientError):
    """Nobody said where the gateway is, or with which key."""

    code = "not_logged_in"
    next_step = "Run `dawnchorus login`, or set DAWNCHORUS_URL and DAWNCHORUS_API_KEY."

    def __str__(self) -> str:
        return "There is no URL of a gateway, or no API key."
