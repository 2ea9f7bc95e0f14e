"""Is every stated equality true? See arithmetic.py for the judge that asks it."""
