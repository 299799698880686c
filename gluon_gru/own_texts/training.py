"""Training on a text of one's own: what is given, what is in the folder, and then the rounds."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import numpy

from gluon_gru.errors import InputError
from gluon_gru.own_texts import events
from gluon_gru.own_texts.advice import advices
from gluon_gru.own_texts.folder import RunFolder
from gluon_gru.own_texts.model import initial_params, model_config
from gluon_gru.own_texts.rounds import Training
from gluon_gru.own_texts.settings import DEFAULTS, checked, filled, num_validation
from gluon_gru.own_texts.starting import load_start
from gluon_gru.runs.environment import environment
from gluon_gru.runs.files import JSONObject, StrPath
from gluon_gru.text.reading import Text, read
from gluon_gru.text.rules import Rules
from gluon_gru.text.textfile import TextFile
from gluon_gru.training.learner import CLIP_NORM, Learner, learner_from


def train(
    text: StrPath,
    out: StrPath,
    resume: bool = False,
    command: str = "",
    make_learner: Callable[..., Learner] = learner_from,
    from_run: StrPath | None = None,
    tensorboard: bool = False,
    **settings: Any,
) -> JSONObject:
    """Train a model on a text; return the content of ``out/record.json``.

    The end of the text is held out, and scored after every round: an epoch, several of a short
    text, a part of a long one's. The model that predicts it best is kept in
    ``out/model.safetensors``. Ctrl-C takes effect between two minibatches, and loses only the round
    that it falls in. A resumed run ends with the same digits as one that was never interrupted.

    Args:
        text: the path of a text file, a pipe, or ``-``, the standard input.
        out: the run's folder.
        resume: continue the run that the folder may hold, with its settings.
        command: the command line, for the record.
        make_learner: makes the learner, as `learner_from` does; for comparisons.
        from_run: the trained model to start from, a run's folder or checkpoint file; by default,
            new weights. Its tokens, case, cell, num_hiddens and num_layers stay, its vocabulary
            gets the tokens of the text that it lacks, and the optimiser begins anew.
        tensorboard: also write the figures of every round into an event file for TensorBoard.
        tokens: ``characters`` or ``words``; see `gluon_gru.text.rules`.
        case: ``keep`` or ``fold`` (the text in lower case).
        encoding: of the text, by the name that Python has for it.
        lines: ``keep``, or ``shuffle``: put them in random order first, where theirs means nothing.
        cell: ``rnn``, ``gru-after`` (the GRU of Gluon and PyTorch), ``gru`` (the book's), ``lstm``.
        num_hiddens, num_layers: hidden units per layer, and layers.
        dropout: the share of hidden units that is dropped between layers in training.
        optimizer: ``adam`` or ``sgd``, as in the book.
        lr, decay: the learning rate, and the share of it that is left at the planned end.
        batch_size, num_steps: sequences in a minibatch, tokens in a sequence.
        sampling: ``sequential`` (minibatches and hidden states continue each other) or ``random``.
        validation: the share of the text that is held out, of 200,000 tokens at most.
        patience: the number of rounds without a better model before training stops.
        epochs: the planned end; less than one for a part of the text.
        seed: of the weights, the minibatches, dropout and the order of shuffled lines.

    The defaults are in `gluon_gru.own_texts.settings`; many depend on the size of the text. A
    warning says beforehand what of the text makes a model or its figures poor
    (`gluon_gru.own_texts.advice`).

    Raises:
        InputError: for a text or a setting that can't be used, or a folder that holds another run;
            before anything is written.
        InstallError: without the package for ``tensorboard``, likewise.
        TrainingDiverged: when the loss is no longer finite; the rounds before are kept.
    """
    if tensorboard:
        events.package()
    folder, given = RunFolder(out, resume), checked(settings)
    start = None if from_run is None else load_start(from_run)
    given = folder.settings(start.settings(given), start.facts) if start else folder.settings(given)
    how = {**DEFAULTS, **given}
    last = folder.last()
    if folder.started_from and not (last or start):
        raise InputError(
            f"{str(out)!r} holds a run that was stopped before its first save: name the model that "
            "it starts from again, by --from (from_run)"
        )
    # A run that goes on has the tokens that it began with, and a model that is trained further its own.
    known = last or start
    rules = Rules.of(known.config) if known else Rules(how["tokens"], how["case"])
    own_text, noticed = read(
        TextFile(text, how["encoding"]),
        rules,
        lambda num_tokens: num_tokens - num_validation(num_tokens, how["validation"]),
        how["seed"] if how["lines"] == "shuffle" else None,
        known.vocab if known else None,
    )
    folder.check({}, _facts(own_text))
    chosen = filled(given, own_text.num_training, len(own_text.vocab))
    started_from = folder.started_from or (start.facts if start else None)
    if not started_from:
        rules = dataclasses.replace(rules, form=noticed.form)
    config = model_config(chosen, len(own_text.vocab), rules)
    if last:
        folder.check_fits(last, config)
        params = last.model
    else:
        if start:
            start.check_reads(own_text)
        for advice in advices(own_text, noticed, chosen):
            warnings.warn(advice, stacklevel=2)
        params = (start.grown if start else initial_params)(config, chosen.seed)
    with make_learner(params, config, CLIP_NORM, chosen.optimizer, chosen.seed) as learner:
        training = Training(chosen, own_text, config, learner)
        if last:
            training.go_on_from(last)
        record = folder.begin(
            dataclasses.asdict(chosen),
            _facts(own_text),
            command,
            environment("cpu(0)"),
            results={"started_from": started_from} if started_from else None,
        )
        with events.event_file(out) if tensorboard else contextlib.nullcontext() as on_round:
            training.run(folder, record, on_round)
    return record.as_json()


def _facts(text: Text) -> JSONObject:
    return {
        "name": text.name,
        "size": text.size,
        "sha256": text.sha256,
        "num_tokens": len(text.tokens),
        "num_training": text.num_training,
        "vocab_size": len(text.vocab),
        "unknown": float(numpy.mean(text.tokens == text.vocab.unk)),
        "unknown_held_out": text.unknown_share,
        "spelling_bits_per_character": text.spelling_bits_per_character,
    }
