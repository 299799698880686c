"""Make a checkpoint of a .params file that the book's code wrote.

  gluon-gru import model.params --out model.safetensors

The file comes from save_parameters of the book's class RNNModel (or collect_params().save in older
code), over rnn.RNN, rnn.GRU or rnn.LSTM with any number of layers and directions. It lacks the
activation of an RNN (--activation) and the vocabulary, which is that of the characters of The Time
Machine unless --corpus or --vocab gives another. The checkpoint is a RUN for the other commands.
"""

from __future__ import annotations

import argparse
import json
import pathlib
from typing import TYPE_CHECKING

from gluon_gru.cli import options
from gluon_gru.errors import InputError

if TYPE_CHECKING:
    from gluon_gru.text.vocabulary import Vocab


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this subcommand to its parser."""
    parser.add_argument("file", metavar="FILE", type=pathlib.Path, help="the .params file")
    parser.add_argument(
        "--out",
        metavar="PATH",
        type=pathlib.Path,
        required=True,
        help="the checkpoint to write, model.safetensors for example",
    )
    parser.add_argument(
        "--activation",
        choices=["relu", "tanh"],
        default="relu",
        help="the activation of an rnn.RNN",
    )
    parser.add_argument(
        "--corpus",
        metavar="PATH",
        help="the text that it was trained on; by default The Time Machine from "
        "$GLUON_GRU_CORPUS, the user's cache, or a download",
    )
    parser.add_argument(
        "--vocab",
        metavar="PATH",
        type=pathlib.Path,
        help="the tokens by index, written with json.dump(vocab.idx_to_token, file)",
    )
    options.add_force(parser, "--out")


def run(args: argparse.Namespace) -> None:
    """Write the checkpoint; print which model it holds."""
    options.check_target(args.out, args.force)

    from gluon_gru.convert import params_file, weights
    from gluon_gru.runs.checkpoint import Checkpoint

    params = params_file.read(args.file)
    facts = params_file.config(args.file, params, args.activation)
    vocab, source = _vocabulary(args)
    if len(vocab) != facts["vocab_size"]:
        raise InputError(
            f"{str(args.file)!r} holds a model of {facts['vocab_size']} tokens, but {source} has "
            f"{len(vocab)}: give its training text with --corpus, or its tokens with --vocab"
        )
    config = {
        **facts,
        "imported_from": args.file.name,
        "vocab_from": source,
        "edition": vocab.edition,
    }
    Checkpoint(params, config, vocab.idx_to_token).save(args.out)
    print(f"{args.out}: {weights.from_params(params, config)}, those of {source}")


def _vocabulary(args: argparse.Namespace) -> tuple[Vocab, str]:
    """Return the vocabulary and the name of its source."""
    from gluon_gru.convert import params_file
    from gluon_gru.text import corpus

    if args.vocab is None:
        found = corpus.find(args.corpus)
        if found.note:
            # The bundled story has other characters at the same indices.
            raise InputError(
                "the vocabulary is that of The Time Machine, which is not at hand: give the text "
                "with --corpus, or the model's tokens with --vocab"
            )
        return corpus.load_corpus(found, max_tokens=1)[1], found.name
    try:
        tokens = json.loads(args.vocab.read_text(encoding="utf-8"))
        return params_file.vocabulary(tokens), args.vocab.name
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"--vocab {str(args.vocab)!r} is no list of tokens in JSON ({error})"
        ) from error
