"""What a report's JSON holds: one model a kind of figure (docs/report.schema.json)."""
