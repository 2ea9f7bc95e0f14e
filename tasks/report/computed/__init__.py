"""The figures of a report, computed from what its runs answered."""
