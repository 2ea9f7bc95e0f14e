"""Seconds as a person says them."""


def duration(seconds: float | None) -> str:
    """0.42 s, 4.2 s, 42 s, 3 min 20 s, 2 h 05 min; a dash where nothing is known."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.2g} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02d} min"
