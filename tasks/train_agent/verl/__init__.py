"""The verl engine: GRPO of the agent on GPUs (verl 0.9.1, Ray, vLLM rollout)."""
