"""What a run found, for people (report.html, the terminal) and for machines (report.json), and where it came from."""
