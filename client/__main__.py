"""The command line, `dawnchorus` where it is installed."""

import sys

from .commands import app
from .commands.output import fail
from .errors import ClientError


def main() -> None:
    """Run a command; exit codes are those of `commands.output`."""
    try:
        app()
    except ClientError as error:
        sys.exit(fail(error, as_json="--json" in sys.argv[1:]))


if __name__ == "__main__":
    main()
