"""Write a trained model for ONNX Runtime or PyTorch.

  gluon-gru export RUN model.onnx                           every cell, layers, directions
  gluon-gru export RUN model.safetensors --layout torch     not the book's GRU

The inputs of an ONNX file are tokens, int64 (batch_size, num_steps), and state_h (for an LSTM also
state_c), float32 (num_layers * directions, batch_size, num_hiddens), zeros at first. Its outputs
are logits (batch_size, num_steps, vocab_size), state_h_out and state_c_out. If ONNX Runtime is
installed, the file has to agree with the model before it is written.

A .safetensors file is a state_dict for a module with linear = nn.Linear(...) and
rnn = nn.GRU(vocab_size, num_hiddens, num_layers), nn.LSTM or nn.RNN.

The metadata of both hold vocab (the tokens by index), text (how a text is split into them), config
(the checkpoint's facts), all as JSON, and made_by.
"""

from __future__ import annotations

import argparse
import pathlib
from typing import TYPE_CHECKING

from gluon_gru.cli import options
from gluon_gru.errors import InputError

if TYPE_CHECKING:
    from gluon_gru.runs.checkpoint import Checkpoint

# The ending of a file -> the --layout that it takes.
_LAYOUTS = {".onnx": None, ".safetensors": "torch"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this subcommand to its parser."""
    options.add_run(parser)
    parser.add_argument(
        "file",
        metavar="FILE",
        type=pathlib.Path,
        help="the file to write: .onnx, or .safetensors with --layout torch",
    )
    parser.add_argument(
        "--layout", choices=["torch"], help="whose names and layout a .safetensors file has"
    )
    options.add_force(parser, "FILE")


def run(args: argparse.Namespace) -> None:
    """Write the file; print its contents and how it was checked."""
    _check(args)

    from gluon_gru.convert import onnx_file, torch_file, weights
    from gluon_gru.runs import checkpoint, files, restore

    saved = checkpoint.load(restore.checkpoint_of(args.run))
    taken = weights.from_params(saved.params, saved.config)
    facts = weights.facts(saved.vocab, saved.config)
    if args.file.suffix == ".onnx":
        data = onnx_file.to_bytes(taken, facts)
        lines = [_checked(data, saved)]
    else:
        data, lines = torch_file.to_bytes(taken, facts), []
    lines += weights.doubts(saved.config)
    files.write_whole(args.file, data)
    print(f"{args.file}: {taken}, {len(data):,} bytes", *lines, sep="\n")


def _check(args: argparse.Namespace) -> None:
    """Refuse what can't work before anything is computed."""
    suffix = args.file.suffix
    if suffix not in _LAYOUTS:
        raise InputError(
            f"{str(args.file)!r} has the ending {suffix!r}: give a name in .onnx, or "
            "in .safetensors with --layout torch"
        )
    if args.layout != _LAYOUTS[suffix]:
        raise InputError(
            f"--layout {args.layout} is for a .safetensors file: leave it out for .onnx"
            if args.layout
            else "a .safetensors file takes --layout torch"
        )
    options.check_target(args.file, args.force)
    if suffix == ".onnx":
        from gluon_gru.convert import onnx_file

        onnx_file.package()


def _checked(data: bytes, saved: Checkpoint) -> str:
    """Compare the file with the model; return the result as a line."""
    from gluon_gru.convert import checking

    if checking.runtime() is None:
        return "not checked: ONNX Runtime is not installed (pip install onnxruntime)"
    apart = checking.difference(data, saved.params, saved.config)
    if not apart <= checking.TOLERANCE:
        raise ArithmeticError(
            f"ONNX Runtime's logits or states are off by {apart:.1e} of the "
            "largest one: nothing was written"
        )
    return (
        f"checked: ONNX Runtime {checking.runtime().__version__} on random tokens, logits and "
        f"states differ by at most {apart:.1e} of the largest"
    )
