"""Write a trained model as a file for other programs: ONNX, or PyTorch's weights.

  gluon-gru export RUN model.onnx                           every cell, layers, directions
  gluon-gru export RUN model.safetensors --layout torch     not the book's GRU

An ONNX file has the inputs tokens, int64 (batch_size, num_steps), and state_h (for an LSTM state_c
too), float32 (num_layers * directions, batch_size, num_hiddens), zeros at first; the outputs are
logits (batch_size, num_steps, vocab_size), state_h_out and state_c_out. Before it is written it is
run beside the model, if ONNX Runtime is installed. The other file is a state_dict for a module with
rnn = nn.GRU(vocab_size, num_hiddens, num_layers), or nn.LSTM, nn.RNN, and linear = nn.Linear(...).

The metadata of either holds vocab (the tokens by index), text (how a text is split into them),
config (the checkpoint's facts), all JSON, and made_by.
"""

import pathlib

from gluon_gru.convert import checking, onnx_file, torch_file, weights
from gluon_gru.errors import InputError
from gluon_gru.runs import checkpoint, restore


def add_arguments(parser):
    """Give the parser what this subcommand takes."""
    parser.add_argument("run", metavar="RUN", help="a folder of gluon-gru train, or a checkpoint")
    parser.add_argument(
        "file",
        metavar="FILE",
        type=pathlib.Path,
        help="what to write: .onnx, or .safetensors with --layout torch",
    )
    parser.add_argument(
        "--layout", metavar="torch", help="whose names and layout a .safetensors file has: torch"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE if it is there")


def run(args):
    """Write the file; print what is in it and how it was checked."""
    _check(args)
    path = restore.checkpoint_of(args.run)
    model, vocab = restore.restore(path)
    found, config = weights.of(model), checkpoint.load(path).config
    maker = onnx_file if args.file.suffix == ".onnx" else torch_file
    data = maker.to_bytes(found, weights.facts(vocab, config))
    told = _checked(data, model, found) if maker is onnx_file else []
    checkpoint.write_whole(args.file, data)
    print(f"{args.file}: {found}, {len(data):,} bytes", *told, sep="\n")


def _check(args):
    """Refuse what can't work before anything is computed."""
    suffix = args.file.suffix
    if suffix not in (".onnx", ".safetensors"):
        raise InputError(
            f"{str(args.file)!r} has the ending {suffix!r}: give a name in .onnx, or "
            "in .safetensors with --layout torch"
        )
    if suffix == ".onnx" and args.layout is not None:
        raise InputError(
            f"--layout {args.layout} is for a .safetensors file: leave it out for .onnx"
        )
    if suffix == ".safetensors" and args.layout != "torch":
        raise InputError(
            f"a .safetensors file takes --layout torch, not {args.layout!r}"
            if args.layout is not None
            else "a .safetensors file takes --layout torch"
        )
    check_target(args.file, args.force)
    if suffix == ".onnx":
        onnx_file.package()


def check_target(path, force):
    """Find out whether ``path`` can be written, and isn't there unless that is all right.

    Raises:
        InputError: if not.
    """
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder: give the name of a file")
    if path.exists() and not force:
        raise InputError(
            f"{str(path)!r} is there already: give another name, or --force to replace it"
        )
    checkpoint.check_writable(path)


def _checked(data, model, found):
    """Compare the file with the model; return a line that tells what came of it."""
    if checking.runtime() is None:
        return ["not checked: that takes ONNX Runtime (pip install onnxruntime)"]
    apart = checking.difference(data, model, found)
    if not apart <= checking.TOLERANCE:
        raise ArithmeticError(
            f"ONNX Runtime's logits or states are off by {apart:.1e} of the "
            "largest one: nothing was written"
        )
    return [
        f"checked: ONNX Runtime {checking.runtime().__version__} on random tokens, logits and "
        f"states differ by at most {apart:.1e} of the largest"
    ]
