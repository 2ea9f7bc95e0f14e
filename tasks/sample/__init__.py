"""Draws the rows of an experiment from the merged corpora."""
