"""What the pipeline made, taken out of the store for others: a dataset, a model, and their way to the hub."""
