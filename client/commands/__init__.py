"""What can be asked for on the command line."""

import typer

from . import batch, dlq, keys, login, looking, results, upload, watch

app = typer.Typer(
    name="dawnchorus",
    help="Send recordings to Dawnchorus, watch them, and fetch what comes of them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("login")(login.login)
app.command("upload")(upload.upload)
app.command("status")(looking.status)
app.command("list")(looking.list_recordings)
app.command("watch")(watch.watch)
app.command("spectrogram")(results.spectrogram)
app.command("analysis")(results.analysis)
app.command("retry-failed")(batch.retry_failed)
app.add_typer(batch.app, name="batch")
app.add_typer(keys.app, name="keys")
app.add_typer(dlq.app, name="dlq")
