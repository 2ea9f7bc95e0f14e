"""Benchmarks through lm-eval, scored by tasks/verify: see tasks/evaluate/evaluate.py for the stage."""
