"""Trained models for other programs, as ONNX and PyTorch files and as pages, and others' as ours.

`weights` takes a model apart into NumPy arrays; from those `onnx_file`, `torch_file` and, for
browsers, `model_page` make what others read, without MXNet. `checking` runs an ONNX file against the
model, and `rounding` measures what half the digits would change. The other way,
`params_file` reads arrays from a file, and `foreign_model` finds the model in them, with the layers
that `gluon_layers` finds.
"""
