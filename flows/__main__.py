"""The command: `rewriting-agent`, or `python -m flows`."""

import sys

from tasks.methods.method import MethodError
from tasks.runtime import bytecode
from tasks.runtime.settings import SettingsError


def main() -> None:
    """The command line. Its help holds the methods and this machine's settings, so that its import can fail by them."""
    bytecode.kept()
    try:
        from flows.cli import app
    except (MethodError, SettingsError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    app()


if __name__ == "__main__":
    main()
