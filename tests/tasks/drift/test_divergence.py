"""Divergences against an independent computation."""

import numpy as np
import pytest

pytestmark = pytest.mark.inference


def test_they_are_what_the_formulas_say():
    import torch

    from tasks.drift.divergence import divergence, joined

    random = np.random.default_rng(3)
    base, other, tokens = random.normal(0, 3, (7, 11)), random.normal(0, 3, (7, 11)), random.integers(0, 11, 7)
    found = divergence(torch.tensor(base), torch.tensor(other), torch.tensor(tokens))
    p = np.exp(base) / np.exp(base).sum(axis=1, keepdims=True)
    q = np.exp(other) / np.exp(other).sum(axis=1, keepdims=True)
    assert found.nll_base.numpy() == pytest.approx(-np.log(p[np.arange(7), tokens]), abs=1e-5)
    assert found.nll.numpy() == pytest.approx(-np.log(q[np.arange(7), tokens]), abs=1e-5)
    assert found.kl.numpy() == pytest.approx((p * np.log(p / q)).sum(axis=1), abs=1e-5)
    assert found.kl_reverse.numpy() == pytest.approx((q * np.log(q / p)).sum(axis=1), abs=1e-5)
    assert found.agreement.tolist() == (p.argmax(axis=1) == q.argmax(axis=1)).astype(float).tolist()
    twice = joined([found, found]).mean()
    assert twice == pytest.approx(found.mean()) and (found.kl >= 0).all() and (found.kl_reverse >= 0).all()
