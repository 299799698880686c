"""Trained models for other programs, as ONNX and PyTorch files, and other programs' as ours.

`weights` takes a model apart into NumPy arrays; from those `onnx_file` and `torch_file` make what
others read, without MXNet, and `checking` runs an ONNX file against the model. The other way,
`params_file` reads arrays from a file, and `foreign_model` finds the model in them, with the layers
that `gluon_layers` finds.
"""
