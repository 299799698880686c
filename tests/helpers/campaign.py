"""How long the tests that try random inputs go on: briefly, or as a campaign.

``GLUON_GRU_CAMPAIGN=100 python -m pytest -m campaign`` tries a hundred times as much, other things
every time.
"""

import os

FACTOR = int(os.environ.get("GLUON_GRU_CAMPAIGN", "1"))


def times(number):
    """Return how many examples, kills or other attempts a test makes that usually makes ``number``."""
    return number * FACTOR
