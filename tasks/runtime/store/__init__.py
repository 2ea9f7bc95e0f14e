"""Artifacts on disk: published whole, found by key, named for people, shared between machines, pruned."""
