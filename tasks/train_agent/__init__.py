"""Stage I of the paper: GRPO of the rewriting agent, a LoRA adapter on the frozen backbone (3.3, 3.4, E.2)."""
