"""Rows in JSON: one object a line, an array of objects, or indented objects one after the other.

In:  '{"id": 0, "problem": …}\\n{…}'      '[{…}, {…}]'      '{\\n  "id": 0,\\n  …}'      '{"data": [{…}, {…}]}'
Out: RawRow("line 1", {"id": 0, "problem": …}), …     a row that is no JSON object as a BadRow, the others all the same
"""

import io
import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, TextIO

from tasks.rows.jsonl import NOT_TEXT, is_text
from tasks.rows.reader.bad_row import NO_UTF8, WHOLE, BadRow, RawRow

_CHUNK = 1 << 20  # characters read at once
_LONGEST = 1 << 26  # characters of one object of an array
_NEAR_END = 64  # characters: a fault nearer to the end of what was read may come from the cut
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|\\(?=.)', re.DOTALL)
_BETWEEN = re.compile(r"[\s,\ufeff]*")
_HOLDERS = ("data", "rows", "examples", "instances")  # {"version": 1, "data": [row, row]}
_PARTS = {"train", "test", "validation", "valid", "val", "dev", "eval"}  # {"train": [row, row], "test": [row]}

# NaN and Infinity are no values of JSON: whoever wrote them had none. Line ends and tabs within a string are let pass.
_DECODER = json.JSONDecoder(strict=False, parse_constant=lambda _: None)
_ANY_INTEGER = json.JSONDecoder(strict=False, parse_int=len)  # finds where a row ends that holds a huge one
_CUT, _ESCAPE_FAULT = "cut off", "escape"


def json_rows(text: TextIO) -> Iterator[RawRow]:
    """Rows of a JSON file, read as a stream."""
    head = text.read(_CHUNK)
    first, _, second = head.lstrip().partition("\n")
    indented = first.rstrip().endswith(("{", ",", "[")) and not second.startswith("{")  # else a line that is cut off
    if first.startswith("[") or (first.startswith("{") and indented):
        yield from _values(head, text)
        return
    head += text.readline()
    for number, line in enumerate(chain(io.StringIO(head, newline=""), text), 1):
        if line.strip():
            yield from _rows_of(line, f"line {number}", number == 1)


def _rows_of(line: str, where: str, first: bool) -> Iterator[RawRow]:
    """The row of a line; the rows within it where the file's first object is a holder of rows."""
    content, under_escaped = _parsed(line)
    held = _held(content) if first else None
    if held is None:
        yield RawRow(where, _row(content, line), under_escaped)
        return
    for number, one in enumerate(held, 1):
        yield RawRow(f"row {number}", _row(one, line), under_escaped)


def _parsed(line: str) -> tuple[Any, bool]:
    """A line's value, or a BadRow; and whether backslashes that are no escapes were taken for backslashes."""
    try:
        return _DECODER.decode(line.strip("\ufeff \t\r\n")), False
    except (ValueError, RecursionError) as error:
        fault = error
    if "escape" in str(fault):
        try:
            return _DECODER.decode(escaped(line).strip("\ufeff \t\r\n")), True
        except (ValueError, RecursionError):
            pass
    return _fault(fault), False


def escaped(text: str) -> str:
    """JSON whose backslashes that begin no escape are doubled: `\\sqrt` was meant, and JSON knows no such escape."""
    return _ESCAPE.sub(lambda found: found[0] if len(found[0]) > 1 else "\\\\", text)


def _fault(error: Exception) -> BadRow:
    if isinstance(error, RecursionError):
        return BadRow(WHOLE, "is nested too deep to be a row")
    if not isinstance(error, json.JSONDecodeError):  # Python's limit on the digits of an integer
        return BadRow(WHOLE, "holds an integer of thousands of digits: write it as a string")
    return BadRow(WHOLE, f"is not JSON: {error.msg.removesuffix(' at')} at character {error.colno}")


def _row(content: Any, text: str) -> dict[str, Any] | BadRow:
    """A value as a row: an object whose texts are text."""
    if isinstance(content, BadRow):
        return content
    if not isinstance(content, dict):
        return BadRow(WHOLE, "is not a JSON object")
    if content and content.keys() <= _PARTS and all(isinstance(rows, list) for rows in content.values()):
        one = next(iter(content))
        return BadRow(
            WHOLE,
            f"holds {' and '.join(content)}, each a list of rows: make a file of each, jq -c '.{one}[]' FILE > "
            f"{one}.jsonl",
        )
    if _HALF.search(text) or not is_text(text):
        for name, value in content.items():
            if not is_text(name) or not is_text(json.dumps(value, ensure_ascii=False)):
                return BadRow(name if is_text(name) else WHOLE, NOT_TEXT if is_text(text) else NO_UTF8)
    return content


def _held(content: Any) -> list[Any] | None:
    """The rows of `{"version": 1, "data": [row, row]}`."""
    if not isinstance(content, dict):
        return None
    for name in _HOLDERS:
        rows = content.get(name)
        plain = all(not isinstance(value, dict | list) for other, value in content.items() if other != name)
        if plain and isinstance(rows, list) and len(rows) > 1 and all(isinstance(row, dict) for row in rows):
            return rows
    return None


def _values(head: str, text: TextIO) -> Iterator[RawRow]:
    """Objects one after the other, within an array or not; after a fault the place of the next is not certain."""
    buffer, at, line, number, size, under_escaped = head, 0, 1, 0, _CHUNK, False
    while True:
        begin = _between(buffer, at)
        line, at = line + buffer.count("\n", at, begin), begin
        if buffer[begin : begin + 1] in ("[", "]"):
            at += 1
            continue
        if begin == len(buffer):
            buffer, at = text.read(_CHUNK), 0
            if not buffer:
                return
            continue
        content, end, fault = _value(buffer, begin)
        if end is None and fault == _ESCAPE_FAULT and (mended := _mended(buffer, begin)) != buffer:
            buffer, under_escaped = mended, True
            continue
        if end is None and fault == _CUT and len(buffer) - begin < _LONGEST and (more := text.read(size)):
            buffer, at, size = buffer[begin:] + more, 0, size * 2
            continue
        if end is None:
            yield RawRow(f"line {line}", BadRow(WHOLE, f"{content.problem}; what follows in the file cannot be read"))
            return
        held = _held(content) if number == 0 else None
        for one in [content] if held is None else held:
            number += 1
            yield RawRow(f"row {number} (line {line})", _row(one, buffer[begin:end]), under_escaped)
        line, at, size = line + buffer.count("\n", begin, end), end, _CHUNK


def _between(buffer: str, at: int) -> int:
    """Where the next value or bracket begins."""
    found = _BETWEEN.match(buffer, at)
    assert found is not None  # it matches nothing too
    return found.end()


def _value(buffer: str, begin: int) -> tuple[Any, int | None, str]:
    """The value that begins here and where it ends; else a BadRow, None and the kind of the fault."""
    try:
        return *_DECODER.raw_decode(buffer, begin), ""
    except json.JSONDecodeError as error:
        near_end = error.pos >= len(buffer) - _NEAR_END
        if "escape" in error.msg and not near_end:
            return _fault(error), None, _ESCAPE_FAULT
        return _fault(error), None, _CUT if near_end or error.msg.startswith("Unterminated string") else "syntax"
    except RecursionError as error:
        return _fault(error), None, "depth"
    except ValueError as error:
        _, end = _ANY_INTEGER.raw_decode(buffer, begin)
        return _fault(error), end, ""


def _mended(buffer: str, begin: int) -> str:
    """`buffer` with the lone backslashes from `begin` on doubled, up to its last space: an escape may be cut behind."""
    end = max(buffer.rfind(" "), begin)
    return buffer[:begin] + escaped(buffer[begin:end]) + buffer[end:]
