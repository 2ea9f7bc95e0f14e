"""A report for people: one HTML page, tables for the terminal, the paper's tables."""
