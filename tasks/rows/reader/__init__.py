"""A file of rows as it comes: any usual kind of file, any usual shape of row."""
