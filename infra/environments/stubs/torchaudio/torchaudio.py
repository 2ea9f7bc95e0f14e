"""Stands where LLaMA-Factory imports torchaudio for audio inputs, which text training never touches."""
