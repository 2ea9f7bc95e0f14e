"""The stage `rewrite` on nano against vLLM alone: seconds of a core a row, the start, two engines, a kill -9.

    {"name": "rewrite", "value": 198.0, "unit": "rows a second of a core, start left out",
     "baseline": {"name": "bare vLLM, all prompts in one call", "value": 201.0}, "ratio": 0.985, "spread": …, "n": 3}
    {"name": "rewrite/start", "value": 12.1, "unit": "s of cores", …, "better": "lower"}
    {"name": "rewrite/two engines", "value": 371.0, "unit": "rows a second, start left out", "baseline": one engine, …}
    {"name": "rewrite/restart", "value": 31.0, "unit": "s of cores, killed halfway and started again", …}
    {"name": "rewrite/samples", "value": 26.0, "unit": "s of cores, 8 samples of 400 rows", "baseline": a start each, …}

6,400 rows (nano's corpus four times, with other openings of the questions), greedy, float32; the stage with nano's
settings, supervisor and all, without Prefect's server. A run of two rows beside each run of all tells its start.
Seconds of cores are hardly changed by what else the machine does; the rate of two engines is by the clock and needs
two free cores.
"""

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks._alone import alone
from benchmarks._bare_rewrite import MAX_NEW_TOKENS, MAX_PROMPT_TOKENS, MODEL
from benchmarks._beside import bare, tell
from infra.gpu_check.texts import OPENINGS
from infra.gpu_check.texts import rows as expert_rows
from tasks.rows.jsonl import Row, write_rows

CORPUS, ROWS, SOME, FEW, REPEATS = 1600, 6400, 400, 2, 2
BLOCK, SAMPLES = 200, 8
BARE = "bare vLLM, all prompts in one call"

Run = dict[str, float]  # seconds "", seconds of cores "/cores"


def main() -> None:
    runs: dict[str, list[tuple[Run, Run]]] = {"bare": [], "one": [], "two": []}
    killed: list[Run] = []
    together: list[float] = []
    apart: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        rows = {count: Path(name) / str(count) for count in (FEW, ROWS, SOME)}
        for count, folder in rows.items():
            folder.mkdir()
            write_rows(folder / "rows.jsonl", asked(count))
        for number in range(REPEATS):
            for which, made in runs.items():
                few, many = (run(which, rows[count], Path(name) / f"{which}{number}") for count in (FEW, ROWS))
                made.append((few, many))
                print(f"{which}: {few} {many}", file=sys.stderr, flush=True)
            out = Path(name) / f"killed{number}"
            killed.append(alone(_killed, rows[ROWS], out)[0])
            same_bytes(out, Path(name) / f"one{number}" / str(ROWS))
            drawn = [alone(_samples, rows[SOME], Path(name) / f"{count}x{number}", count)[0] for count in (SAMPLES, 1)]
            together.append(drawn[0]["/cores"])
            apart.append(SAMPLES * drawn[1]["/cores"])
    tell("rewrite", "rows a second of a core, start left out", BARE, rates(runs["one"]), rates(runs["bare"]))
    starts = {which: [few["/cores"] for few, _ in made] for which, made in runs.items()}
    tell("rewrite/start", "s of cores", BARE, starts["one"], starts["bare"], better="lower")
    by_clock = [rates(runs[which], "") for which in ("two", "one")]
    tell("rewrite/two engines", "rows a second, start left out", "one engine", *by_clock)
    again, once = ([one["/cores"] for one in made] for made in (killed, [many for _, many in runs["one"]]))
    unit = "s of cores, killed halfway and started again"
    tell("rewrite/restart", unit, "undisturbed", again, once, better="lower")
    unit = f"s of cores, {SAMPLES} samples of {SOME} rows"
    tell("rewrite/samples", unit, f"a start each: {SAMPLES} times one sample", together, apart, better="lower")


def asked(count: int) -> Iterator[Row]:
    """So many rows; from the second time through the corpus on their questions begin otherwise."""
    for turn, opening in enumerate(OPENINGS[: -(-count // CORPUS)]):
        for row in expert_rows(min(CORPUS, count - turn * CORPUS)):
            yield row | {"id": f"{turn}/{row['id']}", "question": opening + row["question"]}


def run(which: str, rows: Path, out: Path) -> Run:
    """Seconds and seconds of cores of one run over the rows of a folder."""
    work: Callable[..., Any] = _bare if which == "bare" else _stage
    return alone(work, rows, out / rows.name, *(() if which == "bare" else (2 if which == "two" else 1,)))[0]


def rates(made: Sequence[tuple[Run, Run]], of: str = "/cores") -> list[float]:
    """Rows a second of each repetition, of what a run of all takes more than a run of few."""
    return [(ROWS - FEW) / (many[of] - few[of]) for few, many in made]


def _bare(rows: Path, out: Path) -> None:
    out.mkdir(parents=True)
    bare("benchmarks._bare_rewrite", str(rows / "rows.jsonl"), str(out / "rewrites.jsonl"))


def _stage(rows: Path, out: Path, engines: int) -> None:
    """The stage's own function, on a core an engine."""
    from tasks.rewrite.config import RewriteConfig
    from tasks.rewrite.rewrite import rewrite
    from tasks.runtime.engines import engine

    config = RewriteConfig(
        max_new_tokens=MAX_NEW_TOKENS, max_prompt_tokens=MAX_PROMPT_TOKENS, batch=BLOCK, block=BLOCK, engines=engines
    )
    folder = out / "000"
    folder.mkdir(parents=True, exist_ok=True)
    with engine.attempt([], None, None, list(range(engines))):
        rewrite.plain({"000": config}, {"000": folder}, backbone=MODEL, rows=rows)


def _samples(rows: Path, out: Path, count: int) -> None:
    """So many samples of the rows at temperature 1 in one go, as the pipeline asks for them."""
    from tasks.rewrite.config import RewriteConfig
    from tasks.rewrite.rewrite import rewrite
    from tasks.runtime.engines import engine

    greedy = RewriteConfig(max_new_tokens=MAX_NEW_TOKENS, max_prompt_tokens=MAX_PROMPT_TOKENS, batch=BLOCK, block=BLOCK)
    parts = {f"{seed:02}": greedy.model_copy(update={"seed": seed, "temperature": 1.0}) for seed in range(count)}
    outs = {name: out / name for name in parts}
    for folder in outs.values():
        folder.mkdir(parents=True)
    with engine.attempt([], None, None, [0]):
        rewrite.plain(parts, outs, backbone=MODEL, rows=rows)


def _killed(rows: Path, out: Path) -> None:
    """The stage, its engine killed when half of its blocks are there; then the stage again."""
    import psutil

    from tasks.runtime.engines.engine import EngineError

    blocks, half = out / "000" / "scratch" / "blocks", ROWS // BLOCK // 2

    def kill() -> None:
        while len(list(blocks.glob("*.jsonl"))) < half:
            time.sleep(0.01)
        for one in psutil.Process().children(recursive=True):
            if "tasks.rewrite.vllm_engine" in one.cmdline() and "supervisor" not in " ".join(one.cmdline()):
                os.kill(one.pid, signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    try:
        _stage(rows, out, 1)
    except EngineError:
        before = {path: path.stat().st_mtime_ns for path in blocks.glob("*.jsonl")}
    else:
        raise RuntimeError("it ended before it was killed")
    _stage(rows, out, 1)
    again = [path.name for path, when in before.items() if path.stat().st_mtime_ns != when]
    if again:
        raise RuntimeError(f"blocks that were there were made again: {again}")


def same_bytes(killed: Path, undisturbed: Path) -> None:
    """Raises RuntimeError: a killed and resumed run wrote other bytes."""
    one, other = ((folder / "000" / "rewrites.jsonl").read_bytes() for folder in (killed, undisturbed))
    if one != other:
        raise RuntimeError(f"{killed} and {undisturbed} differ")


if __name__ == "__main__":
    main()
