"""Verifiers: what decides v_ans in each domain, by name (registry.py)."""
