"""What runs a solution and then its tests, within the walls: the text after `python -c`; nothing is imported from here.

In:  on the inward channel {"solution": "def add(a, b): …"}, and once that has run {"tests": "assert add(1, 2) == 3",
     "word": "9f3c…"}
Out: on the outward channel ready, {"loaded": true}, then {"word": "9f3c…"} or {"failed": "AssertionError: …"}

The word is not in the process while the solution's own lines run, what is printed goes nowhere, and how the process
ends says nothing: only whoever came to the end of the tests can say the word. It is no wall against a solution that
looks for it while the tests call it: tests and solution share a process.
"""

import json
import os
import sys
from typing import Any

inward, outward = map(int, sys.argv[1:3])


def _channels() -> tuple:  # bound here, before foreign code can put others in their place
    reader, write, dumps, loads, end = os.fdopen(inward), os.write, json.dumps, json.loads, os._exit

    def say(value: object) -> None:
        write(outward, (dumps(value) + "\n").encode())

    return say, lambda: loads(reader.readline()), end


def _fault(error: BaseException, text: str, name: str) -> str:
    """The exception, and the line of the tests or the solution that it came from."""
    line, at = None, error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == name:
            line = at.tb_lineno
        at = at.tb_next
    lines = text.splitlines()
    shown = f": {lines[line - 1].strip()}" if line and line <= len(lines) else ""
    return f"{type(error).__name__}{shown}{': ' + str(error) if str(error) else ''}"[:300]


def _main() -> None:
    say, hear, end = _channels()
    say("ready")
    compiled, run, fault = compile, exec, _fault
    names: dict[str, Any] = {"__name__": "solution"}
    text = hear()["solution"]
    try:
        run(compiled(text, "solution", "exec"), names)
    except BaseException as error:
        say({"failed": "the solution ends with " + fault(error, text, "solution")})
        end(1)
    say({"loaded": True})
    asked = hear()
    text, had = asked["tests"], names.copy()
    try:
        run(compiled(text, "tests", "exec"), names)
        for name in [name for name in names if name.startswith("test_") and names[name] is not had.get(name)]:
            names[name]()
    except BaseException as error:
        say({"failed": fault(error, text, "tests")})
        end(1)
    say({"word": asked["word"]})
    end(0)


_main()
