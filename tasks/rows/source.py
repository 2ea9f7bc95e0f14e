"""Where data come from: a path on this machine, or a repository on the Hugging Face hub at a pinned commit."""

import re
from pathlib import Path
from typing import Any

from tasks.runtime.files.known_digests import known_file_digest, known_folder_digest
from tasks.runtime.settings import ROOT

COMMIT = re.compile(r"[0-9a-f]{40}")


class SourceError(RuntimeError):
    """A model or dataset cannot be had; says what to do."""


class HubUnreachable(SourceError, ConnectionError):
    """The hub did not answer; it may later."""


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
        return known_file_digest(path) if path.is_file() else known_folder_digest(path)
    check_pinned(location, revision)
    return {"repository": location, "revision": revision}


def check_pinned(location: str, revision: str | None) -> None:
    """Raises SourceError unless these can be a repository on the hub and a full commit of it."""
    if location.count("/") != 1 or location.startswith((".", "/")):
        raise SourceError(f"{location}: no such file or folder, and not the id of a repository on the hub (owner/name)")
    if revision is None or not COMMIT.fullmatch(revision):
        raise SourceError(
            f"{location}: give `revision` as a full commit (40 hex digits), so that the same run means the same files; "
            f"found {revision!r}"
        )


def download(
    location: str, revision: str | None, kind: str, patterns: list[str], ignore: list[str] | None = None
) -> Path:
    """A local folder with the files of `location`; those that match are fetched from the hub where it is no path.

    Raises:
        SourceError: `revision` is no full commit; the repository is gated, private, unknown or has no such commit;
            HF_TOKEN may not read it. HubUnreachable: the hub cannot be reached.
    """
    path = local_path(location)
    if path is not None:
        return path
    check_pinned(location, revision)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HTTPError  # of the HTTP library that huggingface_hub uses, httpx2 in 2.4

    try:
        folder = snapshot_download(
            location, revision=revision, repo_type=kind, allow_patterns=patterns, ignore_patterns=ignore
        )
        return Path(folder)
    except (HTTPError, OSError) as error:
        raise told(location, revision, kind, error) from error


def told(location: str, revision: str | None, kind: str, error: Exception) -> SourceError:
    """A SourceError for what the hub's client raised, with what to do."""
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, GatedRepoError):  # is a RepositoryNotFoundError too
        return SourceError(
            f"{location} is gated: accept its licence on its page, then set HF_TOKEN to a token that may read it"
        )
    if isinstance(error, RepositoryNotFoundError):
        return SourceError(
            f"{location}: the hub shows no such {kind}: mend the name, or where it is private or gated set HF_TOKEN "
            "to a token that may read it"
        )
    if isinstance(error, RevisionNotFoundError):
        return SourceError(f"{location}: has no commit {revision}: mend `revision`")
    if status in (401, 403):
        return SourceError(
            f"{location}: the hub refuses HF_TOKEN ({status}): set it to a valid token that may read this {kind}"
        )
    at = f"{location}@{revision}" if revision else location
    return HubUnreachable(
        f"{at}: could not be fetched from the hub; check the connection and try again, or copy the files to this "
        f"machine and name their folder: {error}"
    )
