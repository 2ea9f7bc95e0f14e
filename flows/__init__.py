"""What a person triggers: `pipeline`, `study`, `ablation`."""
