"""Files and texts: written whole, digested, read as what a person typed, shown as data, with secrets masked."""
