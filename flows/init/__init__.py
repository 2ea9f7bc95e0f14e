"""A first experiment file for a model and data of one's own, drafted from five answers."""
