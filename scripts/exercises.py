"""Answer the chapter's exercises by running them, and check what its readers' notes state."""

import _checkout

_checkout.script("exercises")
