"""What carries a stage: keys, store, engines, slots, progress. Nothing here knows a stage."""
