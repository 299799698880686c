"""The errors that a user can cause and mend; command lines print them as one line."""


class InputError(ValueError):
    """Something the user gave can't be used: the message names it, its value and the way out."""


class TrainingDiverged(ArithmeticError):
    """The training loss stopped being finite: the message names the epoch and what to try."""
