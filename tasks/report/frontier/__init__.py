"""Methods over learning rates: what each keeps of general abilities for what it gains downstream."""
