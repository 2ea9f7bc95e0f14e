"""Estimates and intervals: resampled over questions, clusters and training seeds, paired where they can be."""
