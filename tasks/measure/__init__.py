"""How well a rewriter rewrites rows that no agent was trained on: see tasks/measure/measure.py for the stage."""
