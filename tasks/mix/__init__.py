"""Replay: general rows beside a method's targets."""
