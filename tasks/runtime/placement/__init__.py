"""Where a stage runs: here, or as a job of a work pool."""
