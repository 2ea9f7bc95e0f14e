"""The reward of a group of rewrites (paper, 3.4): arrays in, arrays out, no torch, shared by every GRPO engine."""
