"""Lineage for others: what a run reads and writes, as events."""
