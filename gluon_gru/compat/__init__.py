"""``import gluon_gru.compat``, before MXNet: ``import mxnet`` works, and MXNet keeps its own mode.

Without it, `gluon_gru.mxnet_import` switches MXNet to the book's arrays (``mx.np``) in all threads.
With it, programs on ``mx.nd`` arrays run as they always did, `gluon_gru.models.fused` among them;
before the book's code they call ``mxnet.npx.set_np()``, which switches a thread.
"""
