"""D_R: one verified target a row."""
