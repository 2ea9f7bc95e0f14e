"""The TRL engine of train_agent: one process, on a CPU or a small GPU."""
