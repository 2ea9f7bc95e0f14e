"""pi_0: imports a model's files into the store."""
