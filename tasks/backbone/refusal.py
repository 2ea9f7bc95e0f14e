"""Why a model is not taken as a backbone."""


class Refused(RuntimeError):
    """A model's files cannot be made, or are not, a backbone that works; the message says what to do."""
