"""Expert demonstrations: imports a corpus into the store."""
