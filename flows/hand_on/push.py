"""A folder that was handed on, to the Hugging Face hub: private unless asked for otherwise.

In:  Path("mine"), "me/rewritten"
Out: https://huggingface.co/datasets/me/rewritten/commit/…

The token is huggingface_hub's own (HF_TOKEN, or `hf auth login`); it is neither printed nor part of an error.
"""

import os
from pathlib import Path
from typing import Literal

from flows.hand_on.provenance import HandOnError

CARD = "README.md"
LOCAL = ("sft/backbone/", "sft/trained/")  # pi_0's weights, which have a repository of their own; a run by hand
Kind = Literal["dataset", "model"]


def kind_of(folder: Path) -> Kind:
    """What the folder holds. Raises HandOnError where it is none of `dataset` and `model`."""
    if (folder / CARD).is_file():
        if any(folder.glob("data/train-*.parquet")):
            return "dataset"
        if any(folder.glob("*.safetensors")):
            return "model"
    raise HandOnError(f"{folder} is no folder that `rewriting-agent dataset` or `rewriting-agent model` wrote")


def files_of(folder: Path) -> list[str]:
    """What would be sent, by name: regular files; pi_0's weights and hidden files stay.

    Raises:
        HandOnError: a symbolic link, which could lead to any file of this machine.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise HandOnError(
                f"{path} is a symbolic link, and links are not followed: put the file there, or remove it"
            )
        if path.is_file() and not name.startswith(LOCAL) and not any(part[0] == "." for part in name.split("/")):
            found.append(name)
    return found


def push(folder: Path, repository: str, public: bool = False, update: bool = False) -> str:
    """Send the folder as one commit; returns its address. `update`: the repository is there, else it is made.

    Raises:
        HandOnError: there is no token, the repository is there already, or the hub refuses; says what to do.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError

    kind, names = kind_of(folder), files_of(folder)
    token = get_token()
    if token is None:
        raise HandOnError("the hub wants a token that may write: HF_TOKEN=… rewriting-agent push …, or `hf auth login`")
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=token)
    operations = [CommitOperationAdd(name, folder / name) for name in names]
    try:
        if not update:
            api.create_repo(repository, repo_type=kind, private=not public)
        made = api.create_commit(
            repository, operations, repo_type=kind, commit_message=f"{kind.capitalize()} of rewriting-agent"
        )
    except (HfHubHTTPError, HFValidationError, HTTPError, ValueError, OSError) as error:
        status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
        advice = {
            401: "the token is not valid",
            403: "the token may not write there",
            409: "the repository is there already: --update adds a commit to it, or name another",
            404: "there is no such repository, or the token may not see it",
        }.get(status or 0, "")
        said = str(error).replace(token, "…")
        raise HandOnError(f"{repository}: {advice or said}" + (f" (HTTP {status})" if status else "")) from None
    return str(made.commit_url)
