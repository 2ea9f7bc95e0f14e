"""WiSE-FT: the average of two models' weights."""
