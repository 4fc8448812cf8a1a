"""What can go wrong while the local stack runs.

DawnchorusError
└── LocalStackError           ends the command with one sentence and exit code 1
    ├── PortTakenError        another program listens where we want to
    ├── PortValueError        a variable holds no port number
    ├── NoFreePortError       the range for tests is full
    ├── ProgramMissingError   a server's program is not installed
    ├── NotReadyError         a server or service died, or did not answer in time
    ├── VariableMissingError  a server of one's own was named without its keys
    └── ApiKeyError           the gateway made no API key
"""

from pathlib import Path

from chassis.errors import DawnchorusError


class LocalStackError(DawnchorusError):
    """Base: the command ends with this sentence."""

    code = "local_stack"
    next_step = "See `make status` and `make logs`."


class PortTakenError(LocalStackError):
    """Another program listens on a port that we need."""

    code = "port_taken"

    def __init__(self, port: int, name: str, variable: str) -> None:
        super().__init__(port, name, variable)
        self.port = port
        self.name = name
        self.variable = variable

    def __str__(self) -> str:
        wanted = f"Port {self.port}, wanted by {self.name}, is taken by another program"
        return f"{wanted}; set {self.variable} to go elsewhere."


class PortValueError(LocalStackError):
    """A variable that should hold a port does not."""

    code = "port_value"

    def __init__(self, variable: str, value: str) -> None:
        super().__init__(variable, value)
        self.variable = variable
        self.value = value

    def __str__(self) -> str:
        return f"{self.variable} should be a port between 1 and 65535, and is {self.value!r}."


class NoFreePortError(LocalStackError):
    """No port of the range is free."""

    code = "no_free_port"

    def __init__(self, first: int, last: int) -> None:
        super().__init__(first, last)
        self.first = first
        self.last = last

    def __str__(self) -> str:
        return f"No free port was found between {self.first} and {self.last}."


class ProgramMissingError(LocalStackError):
    """A server's program is not on this machine."""

    code = "program_missing"
    next_step = "Run `make up`, which installs what is missing."

    def __init__(self, program: str, package: str) -> None:
        super().__init__(program, package)
        self.program = program
        self.package = package

    def __str__(self) -> str:
        return f"{self.program} is not installed; `make up` installs it, and so does the package {self.package}."


class NotReadyError(LocalStackError):
    """A process ended or stayed silent instead of becoming ready."""

    code = "not_ready"

    def __init__(self, name: str, what: str, log: Path, last_line: str) -> None:
        super().__init__(name, what, log, last_line)
        self.name = name
        self.what = what
        self.log = log
        self.last_line = last_line

    def __str__(self) -> str:
        return (
            f"{self.name} did not start: it {self.what}. Its log {self.log} ends with: {self.last_line or '(nothing)'}"
        )


class VariableMissingError(LocalStackError):
    """A server of one's own needs more variables than its URL."""

    code = "variable_missing"

    def __init__(self, variable: str, because: str) -> None:
        super().__init__(variable, because)
        self.variable = variable
        self.because = because

    def __str__(self) -> str:
        return f"{self.because} is set, so {self.variable} must be set, too."


class ApiKeyError(LocalStackError):
    """The gateway's command printed no key."""

    code = "no_api_key"

    def __init__(self, last_line: str) -> None:
        super().__init__(last_line)
        self.last_line = last_line

    def __str__(self) -> str:
        return f"The gateway made no API key; it said: {self.last_line or '(nothing)'}"


class RecordingMissingError(LocalStackError):
    """There is nothing to send."""

    code = "recording_missing"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"There is no recording {self.path}."


class NotFinishedError(LocalStackError):
    """Our patience ended before the work did."""

    code = "not_finished"

    def __init__(self, name: str, patience_s: float) -> None:
        super().__init__(name, patience_s)
        self.name = name
        self.patience_s = patience_s

    def __str__(self) -> str:
        return f"The work on {self.name} did not end within {self.patience_s:g} s."
