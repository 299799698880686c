"""Make a checkpoint of a model that MXNet or PyTorch saved.

  gluon-gru import model.params --out model.safetensors

The file is one of Gluon's (save_parameters, collect_params().save, export; of MXNet 1 or 2), the
parameters of a model from scratch (npx.save, nd.save), or a state_dict of PyTorch's in .safetensors:
an RNN, GRU or LSTM of any number of layers under an output layer, maybe over an embedding. Such a
file lacks the activation of an RNN (--activation) and the vocabulary, which is that of the
characters of The Time Machine unless --corpus or --vocab gives another. The checkpoint is a RUN for
the other commands.
"""

from __future__ import annotations

import argparse
import pathlib
import re
from typing import TYPE_CHECKING

from gluon_gru.cli import options
from gluon_gru.errors import InputError, shown

if TYPE_CHECKING:
    from gluon_gru.text.vocabulary import Vocab


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this subcommand to its parser."""
    parser.add_argument(
        "file", metavar="FILE", type=pathlib.Path, help="a .params, .npz or .safetensors file"
    )
    parser.add_argument(
        "--out",
        metavar="PATH",
        type=pathlib.Path,
        required=True,
        help="the checkpoint to write, model.safetensors for example",
    )
    parser.add_argument(
        "--activation", choices=["relu", "tanh"], help="the activation of an RNN, which needs it"
    )
    parser.add_argument(
        "--layers",
        type=int,
        metavar="N",
        help="the number of layers, for files of MXNet 2 that don't tell",
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
        help="the tokens by index, written with json.dump(vocab.idx_to_token, file), or the "
        "indices by token",
    )
    options.add_force(parser, "--out")


def run(args: argparse.Namespace) -> None:
    """Write the checkpoint; print which model it holds."""
    options.check_target(args.out, args.force)

    from gluon_gru.convert import foreign_model, params_file, weights
    from gluon_gru.runs.checkpoint import Checkpoint

    arrays = params_file.read(args.file)
    try:
        model = foreign_model.recognise(arrays, args.activation, args.layers)
    except InputError as error:
        raise InputError(f"{str(args.file)!r} can't be imported: {error}") from error
    vocab, source = _vocabulary(args)
    if len(vocab) != model.config["vocab_size"]:
        raise InputError(
            f"{str(args.file)!r} holds a model of {model.config['vocab_size']} tokens, but {source} "
            f"has {len(vocab)}: give its training text with --corpus, or its tokens with --vocab"
        )
    config = {**model.config, "imported_from": shown(args.file.name), "vocab_from": source}
    tokens = [token for token in vocab.idx_to_token if not re.fullmatch("<.+>", token)]
    if all(len(token) == 1 for token in tokens) and not re.fullmatch("[a-z ]*", "".join(tokens)):
        # Read as the book reads a text, it would have none but those.
        config["text"] = {"tokens": "characters", "case": "keep"}
    else:
        config["edition"] = vocab.edition
    taken = weights.from_params(model.params, config)
    Checkpoint(model.params, config, vocab.idx_to_token).save(args.out)
    print(f"{args.out}: {taken}, those of {source}")


def _vocabulary(args: argparse.Namespace) -> tuple[Vocab, str]:
    """Return the vocabulary and the name of its source."""
    from gluon_gru.runs.schemas.checking import parsed
    from gluon_gru.text import corpus
    from gluon_gru.text.vocabulary import Vocab

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
        tokens = parsed(args.vocab.read_bytes())
        if isinstance(tokens, dict):
            tokens = _by_index(tokens)
        return Vocab.of(tokens), shown(args.vocab.name)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--vocab {str(args.vocab)!r} is no list of tokens in JSON ({error})"
        ) from error


def _by_index(indices: dict[str, object]) -> list[str]:
    """Return the tokens of ``token_to_idx`` (in the book's first editions, ``char_to_idx``)."""
    places = {index: token for token, index in indices.items() if type(index) is int}
    if sorted(places) != list(range(len(indices))):
        raise InputError("its indices are not 0, 1, 2 and so on, each once")
    return [places[i] for i in range(len(places))]
