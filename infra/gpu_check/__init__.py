"""What only a GPU shows, in under eight minutes and without a network: `python -m infra.gpu_check` (docs/gpu.md)."""
