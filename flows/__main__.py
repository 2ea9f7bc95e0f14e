"""`python -m flows` is `rewriting-agent`."""

from flows.cli import app

app()
