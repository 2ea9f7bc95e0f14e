"""Where data come from: a path on this machine, or a repository on the Hugging Face hub at a pinned commit."""

import re
from pathlib import Path
from typing import Any

from tasks.digest import digest_file, digest_folder
from tasks.settings import ROOT

COMMIT = re.compile(r"[0-9a-f]{40}")


class SourceError(RuntimeError):
    """A model or dataset cannot be had; says what to do."""


def local_path(location: str) -> Path | None:
    """`location` as a path (relative ones from the project's root), or None where nothing lies there."""
    path = (ROOT / location).resolve()
    return path if path.exists() else None


def source_identity(location: str, revision: str | None) -> Any:
    """What a key holds of a source: the content's digest of a path, the id and commit of a repository.

    Raises:
        SourceError: nothing lies at `location`, and it is no pinned repository either.
    """
    path = local_path(location)
    if path is not None:
        return digest_file(path) if path.is_file() else digest_folder(path)
    if location.count("/") != 1 or location.startswith((".", "/")):
        raise SourceError(f"{location}: no such file or folder, and not the id of a repository on the hub (owner/name)")
    if revision is None or not COMMIT.fullmatch(revision):
        raise SourceError(
            f"{location}: give `revision` as a full commit (40 hex digits), so that the same run means the same files; "
            f"found {revision!r}"
        )
    return {"repository": location, "revision": revision}


def download(
    location: str, revision: str | None, kind: str, patterns: list[str], ignore: list[str] | None = None
) -> Path:
    """A local folder with the files of `location`; those that match are fetched from the hub where it is no path.

    Raises:
        SourceError: the hub cannot be reached, or the repository is gated and no HF_TOKEN with access is set.
    """
    path = local_path(location)
    if path is not None:
        return path
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(
            location, revision=revision, repo_type=kind, allow_patterns=patterns, ignore_patterns=ignore
        )
        return Path(folder)
    except GatedRepoError:
        raise SourceError(
            f"{location} is gated: accept its licence on its page, then set HF_TOKEN to a token that may read it"
        ) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise SourceError(f"{location}@{revision}: could not be fetched from the hub: {error}") from None
