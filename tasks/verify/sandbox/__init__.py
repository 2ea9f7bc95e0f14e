"""Foreign code run apart: no network, no files but a private folder; limits on time, memory and processes."""
