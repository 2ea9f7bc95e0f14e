"""Is this reasoning valid? judge.py makes a judge from its configuration."""
