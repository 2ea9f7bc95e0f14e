"""How far a stage and its run are, told by the engine, shown in the log, the terminal and the UI."""
