"""Fetches the embedding model before an engine needs it: engines read files, never the hub."""

from tasks.rows.source import download, source_identity
from tasks.score.config import PACKAGED_EMBEDDER, EmbedderConfig

FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*/*.json", "*/*.safetensors"]


def embedder_location(config: EmbedderConfig) -> str:
    """The folder of the model, or the name of the packaged one.

    Raises:
        SourceError: it is no folder and the hub cannot be reached.
    """
    if config.model == PACKAGED_EMBEDDER:
        return config.model
    return str(download(config.model, config.revision, "model", FILES))


def embedder_identity(config: EmbedderConfig) -> object:
    """What a stage's key holds of the model: its content, or its pinned commit."""
    if config.model == PACKAGED_EMBEDDER:
        return config.model  # its version is in the environment's lock
    return source_identity(config.model, config.revision)
