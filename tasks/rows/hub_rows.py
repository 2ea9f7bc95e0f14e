"""A dataset on the Hugging Face hub as a file of rows: streamed by `datasets`, one row after the other.

In:  Dataset("openai/gsm8k", revision="main", subset="main", split="train")
Out: gsm8k.jsonl, a JSON object a row, and the full commit that it was read at

A commit names the same rows tomorrow; a branch does not, so it is looked up first and told.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks.rows.jsonl import Row, write_rows
from tasks.rows.reader.tables import plain
from tasks.rows.source import COMMIT, HubUnreachable, SourceError, told

_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Dataset:
    """A dataset on the hub; `revision` a commit, a branch or a tag, None for the newest state."""

    repository: str
    revision: str | None = None
    subset: str | None = None
    split: str = "train"

    @property
    def name(self) -> str:
        return self.repository.partition("/")[2]


def is_id(text: str) -> bool:
    """Whether a text can be the id of a repository: owner/name."""
    return _ID.fullmatch(text) is not None and not text.startswith(".")


def commit_of(dataset: Dataset) -> str:
    """The full commit of a dataset's revision.

    Raises:
        SourceError: the hub shows no such dataset or revision, or refuses the token. HubUnreachable: no answer.
    """
    if dataset.revision and COMMIT.fullmatch(dataset.revision):
        return dataset.revision
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError

    try:
        found = HfApi().dataset_info(dataset.repository, revision=dataset.revision, timeout=30).sha
    except (HTTPError, OSError) as error:
        raise told(dataset.repository, dataset.revision, "dataset", error) from error
    return str(found)


def fetch(dataset: Dataset, commit: str, target: Path) -> int:
    """Write the rows of one split to `target`, whole or not at all; returns their number.

    Raises:
        SourceError: no such subset or split, or rows that `datasets` cannot read. HubUnreachable: no answer.
    """
    return write_rows(target, _streamed(dataset, commit))


def _streamed(dataset: Dataset, commit: str) -> Iterator[Row]:
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError
    from huggingface_hub.errors import HTTPError

    named = f"{dataset.repository}@{commit[:12]}"
    try:
        rows = load_dataset(dataset.repository, dataset.subset, split=dataset.split, revision=commit, streaming=True)
        for row in rows:
            yield plain(dict(row))
    except HTTPError as error:
        raise told(dataset.repository, commit, "dataset", error) from error
    except (ConnectionError, TimeoutError) as error:
        raise HubUnreachable(
            f"{named}: the hub did not answer ({_first(error)}); check the connection and try again, or copy the "
            "dataset's files to this machine and name their folder"
        ) from error
    except (DatasetsError, ValueError, OSError) as error:
        raise SourceError(
            f"{named}, split {dataset.split}: {_first(error)}; --subset and --split name what to read, or copy the "
            "dataset's files to this machine and name their folder"
        ) from error


def _first(error: Exception) -> str:
    return " ".join(str(error).split())[:400].rstrip(".") or type(error).__name__
