"""Greedy rewriting and self-solving with vLLM: see tasks/rewrite/rewrite.py for the stages."""
