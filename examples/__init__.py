"""The ideas of this project, each in one file to read from top to bottom."""
