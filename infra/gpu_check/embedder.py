"""Sentence embeddings: bfloat16 on the GPU against float32 on the CPU, and texts a second."""

import numpy as np

from infra.gpu_check.checks import Figures, Setup, require, timed
from infra.gpu_check.texts import NANO, groups
from tasks.score.embeddings import Embedder

LEAST_COSINE = 0.999


def check(setup: Setup) -> Figures:
    """Raises CheckFailed where an embedding on this device points elsewhere than the CPU's."""
    texts = [text for _, texts in groups(64 if setup.cuda else 4, 8, 3) for text in texts]
    model = str(NANO / "embedder")
    here, reference = Embedder(model, setup.cuda), Embedder(model, cuda=False)
    cosines = np.sum(here(texts) * reference(texts), axis=1)
    require(bool(cosines.min() > LEAST_COSINE), f"an embedding's cosine with the CPU's is {cosines.min():.4f}")
    seconds = timed(setup.device, lambda: here(texts))
    return {"texts": len(texts), "texts_per_second": len(texts) / seconds, "least_cosine": float(cosines.min())}
