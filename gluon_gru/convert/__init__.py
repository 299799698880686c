"""Trained models for other programs, as ONNX and PyTorch files, and the book's own files as ours.

`weights` takes a model apart into NumPy arrays; from those `onnx_file` and `torch_file` make what
others read, without MXNet, and `checking` runs an ONNX file against the model. `params_file` goes
the other way: from what Gluon's ``save_parameters`` wrote to a checkpoint.
"""
