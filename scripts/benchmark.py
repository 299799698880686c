"""Measure how fast models train and generate, beside other libraries and the processor's limit."""

import _checkout

_checkout.script("benchmark")
