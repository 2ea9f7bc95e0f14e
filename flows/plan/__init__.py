"""What a run will make, cost and be able to show, before it is started; docs/plan.md tells how it is reckoned."""
