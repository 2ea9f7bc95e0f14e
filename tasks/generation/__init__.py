"""Sampling from a model: vLLM for rewriting, self-solving and evaluation, transformers where a policy is trained."""
