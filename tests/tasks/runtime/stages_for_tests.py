"""Small stages, imported by the tests and by the processes that they start."""

import os
import sys
import time
from pathlib import Path

from prefect import flow
from pydantic import BaseModel, Field

from tasks.rows.jsonl import RowError
from tasks.runtime.engines.engine import EngineError
from tasks.runtime.futures import finish
from tasks.runtime.progress.progress import report
from tasks.runtime.stage import Metrics, stage
from tasks.runtime.store.store import Artifact


class CountConfig(BaseModel):
    upto: int = 5
    seed: int = 0
    pause: float = Field(0.0, json_schema_extra={"key": False})
    cut: str = Field("", json_schema_extra={"key": False})


@stage(version=1)
def count(config: CountConfig, out: Path) -> Metrics:
    """Writes one number a line and says how often it was started; resumes where an attempt was killed."""
    starts = Path(os.environ["STARTS"])
    with starts.open("a") as file:
        file.write("count\n")
    numbers = out / "numbers"
    done = numbers.read_text().splitlines() if numbers.exists() else []
    for number in range(len(done), config.upto):
        with numbers.open("a") as file:
            file.write(f"{number + config.seed}\n")
        report(number + 1, config.upto, "numbers")
        time.sleep(config.pause)
        if config.cut == "row":
            raise RowError("rows.jsonl", "row a/1", "question", "is empty")
        if config.cut == "once" and not done:
            raise OSError("a passing fault")
    return {"resumed_from": len(done), "total": config.upto}


@stage(version=1)
def double(config: CountConfig, out: Path, *, numbers: Path, more: dict[str, Path] | None = None) -> Metrics:
    """Doubles the numbers of its inputs."""
    read = [numbers, *(more or {}).values()]
    lines = [line for folder in read for line in (folder / "numbers").read_text().splitlines()]
    (out / "numbers").write_text("".join(f"{2 * int(line)}\n" for line in lines))
    return {"lines": len(lines)}


class HungryConfig(BaseModel):
    rows: int = Field(16, json_schema_extra={"key": False})
    fits: int = Field(4, json_schema_extra={"key": False})
    says: str = Field("torch.OutOfMemoryError: CUDA out of memory", json_schema_extra={"key": False})


def smaller(config: HungryConfig) -> HungryConfig | None:
    return config.model_copy(update={"rows": config.rows // 2}) if config.rows > 1 else None


@stage(version=1, smaller=smaller)
def hungry(config: HungryConfig, out: Path) -> Metrics:
    """Fails as an engine does until so few rows fit."""
    with Path(os.environ["STARTS"]).open("a") as file:
        file.write(f"{config.rows}\n")
    if config.rows > config.fits:
        raise EngineError("an_engine", 1, out / "scratch" / "an_engine.log", [config.says])
    (out / "rows").write_text(str(config.rows))
    return {"rows": config.rows}


def two_gib(config: CountConfig, *, numbers: Path) -> int:
    assert (numbers / "numbers").exists()  # of the input's folder it may tell
    return 2 * 2**30


@stage(version=1, memory=two_gib)
def large(config: CountConfig, out: Path, *, numbers: Path) -> Metrics:
    """Says when it began and when it ended."""
    began = time.monotonic()
    time.sleep(2.0)
    return {"began": began, "ended": time.monotonic()}


@stage(version=1, batch=True)
def squares(config: dict[str, CountConfig], out: dict[str, Path]) -> dict[str, Metrics]:
    """Several artifacts in one go."""
    for name, one in config.items():
        with Path(os.environ["STARTS"]).open("a") as file:
            file.write(f"{name}\n")
        (out[name] / "numbers").write_text(str(one.upto**2))
        if one.cut:
            raise RowError(name, "row a/1", "question", "is empty")
    return {name: {"upto": one.upto} for name, one in config.items()}


@flow
def count_and_double(config: CountConfig) -> Artifact:
    numbers = count.submit(config)
    return finish(double.submit(config, numbers=numbers, more={"again": numbers}))


if __name__ == "__main__":
    count_and_double(CountConfig.model_validate_json(sys.argv[1]))
