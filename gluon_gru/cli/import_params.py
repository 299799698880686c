"""Make a checkpoint of a Gluon .params file that the book's own code wrote.

  gluon-gru import model.params --out model.safetensors

The file is what model.save_parameters("model.params") of the book's class RNNModel wrote (or
collect_params().save of older code), over rnn.RNN, rnn.GRU or rnn.LSTM, any layers, one or two
directions: which, is found out. Two things are not in it. An RNN's activation: --activation. The
vocabulary: it is made from The Time Machine as the book makes it, characters, or read from --vocab.
The checkpoint is a RUN for the other commands.
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
    """Give the parser what this subcommand takes."""
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
        help="of an rnn.RNN; relu by default, as there",
    )
    parser.add_argument(
        "--corpus",
        metavar="PATH",
        help="the text that it was trained on; by default The Time Machine: "
        "$GLUON_GRU_CORPUS, the user's cache, or a download",
    )
    parser.add_argument(
        "--vocab",
        metavar="PATH",
        type=pathlib.Path,
        help="the tokens by index, a JSON list, of another text: "
        "json.dump(vocab.idx_to_token, file)",
    )
    options.add_force(parser, "--out")


def run(args: argparse.Namespace) -> None:
    """Write the checkpoint; print what was found."""
    options.check_target(args.out, args.force)

    from gluon_gru.convert import params_file, weights
    from gluon_gru.runs.checkpoint import Checkpoint

    params = params_file.read(args.file)
    facts = params_file.config(args.file, params, args.activation)
    vocab, source = _vocabulary(args)
    if len(vocab) != facts["vocab_size"]:
        raise InputError(
            f"{str(args.file)!r} is of a model of {facts['vocab_size']} tokens, "
            f"{source} has {len(vocab)}: give the text that it was trained on with "
            "--corpus, or its tokens with --vocab"
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
    """Return the vocabulary, and where it is from."""
    from gluon_gru.convert import params_file
    from gluon_gru.text import corpus

    if args.vocab is None:
        found = corpus.find(args.corpus)
        if found.note:
            # The bundled story has other characters at the same places.
            raise InputError(
                "the vocabulary is made from The Time Machine, which is not at hand: "
                "give it with --corpus, or the model's tokens with --vocab"
            )
        return corpus.load_corpus(found, max_tokens=1)[1], found.name
    try:
        tokens = json.loads(args.vocab.read_text(encoding="utf-8"))
        if not isinstance(tokens, list):
            raise ValueError("not a list")
    except (OSError, ValueError) as error:
        raise InputError(
            f"--vocab {str(args.vocab)!r} is no list of tokens in JSON ({error})"
        ) from error
    try:
        return params_file.vocabulary(tokens), args.vocab.name
    except (TypeError, InputError) as error:
        raise InputError(f"--vocab {str(args.vocab)!r}: {error}") from error
