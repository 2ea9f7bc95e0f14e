"""What a report is made from, read out of its artifacts."""
