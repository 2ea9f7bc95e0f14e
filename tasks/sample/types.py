"""What goes wrong with sizes."""


class TooFewRows(ValueError):
    """Less is left than the experiment asks for."""
