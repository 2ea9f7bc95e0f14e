"""How far a model has moved from pi_0, where accuracy does not show it yet: see tasks/drift/drift.py for the stage."""
