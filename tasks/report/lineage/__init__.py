"""Where an artifact comes from: its graph, its layers, its drawing."""
