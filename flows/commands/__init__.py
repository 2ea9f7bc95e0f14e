"""The commands on a file of the user's own, without the pipeline: score, rewrite, verify."""
