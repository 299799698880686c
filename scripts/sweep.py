"""Study the GRU's hyperparameters, alone or with any number of workers on any machines."""

import _checkout

_checkout.script("sweep")
