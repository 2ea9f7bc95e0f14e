"""Do two answers mean the same? README.md has the policy; equivalence.py the order of its rules."""
