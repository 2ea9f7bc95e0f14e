"""Parts the sample: agent training, held-out, downstream SFT."""
