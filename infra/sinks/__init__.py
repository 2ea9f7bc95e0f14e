"""What MLflow, W&B and TensorBoard are told of finished runs (docs/sinks.md)."""
