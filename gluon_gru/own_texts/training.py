"""Training on a text of one's own: what is given, what is in the folder, and then the rounds."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy

from gluon_gru.errors import InputError
from gluon_gru.own_texts import events
from gluon_gru.own_texts.advice import advices
from gluon_gru.own_texts.comparing import comparison
from gluon_gru.own_texts.folder import RunFolder
from gluon_gru.own_texts.model import initial_params, model_config
from gluon_gru.own_texts.plan import Plan, step_seconds
from gluon_gru.own_texts.rounds import SAMPLE_SECONDS, Training
from gluon_gru.own_texts.schedule import Schedule
from gluon_gru.own_texts.settings import DEFAULTS, Settings, checked, filled, num_validation
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
    on_plan: Callable[[Plan], object] | None = None,
    seconds: float = math.inf,
    sample_seconds: float = SAMPLE_SECONDS,
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
        on_plan: called before the first round with what the training will be, if anything is left
            to train; a short probe, which takes about a second, says how long.
        seconds: train for about so long at most, but for one round at least: the planned end of a
            new run is as early as a short probe says it must be, and a round in which the time is
            up is the last.
        sample_seconds: the least time between two samples for a terminal.
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
    if not seconds >= 0:
        raise InputError(f"seconds is {seconds!r}: it must be a number, 0 or more")
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
        params = (start.grown if start else initial_params)(config, chosen.seed)

    def probe() -> float:
        with make_learner(params, config, CLIP_NORM, chosen.optimizer, chosen.seed) as a_copy:
            return step_seconds(a_copy, chosen, own_text)

    per_step = probe() if seconds < math.inf and not last else 0
    if per_step:
        chosen = _lasting(chosen, own_text, per_step, seconds)
    with make_learner(params, config, CLIP_NORM, chosen.optimizer, chosen.seed) as learner:
        training = Training(chosen, own_text, config, learner, seconds, sample_seconds)
        if last:
            training.go_on_from(last)
        record = folder.begin(
            dataclasses.asdict(chosen),
            _facts(own_text),
            command,
            environment("cpu(0)"),
            results={"started_from": started_from} if started_from else None,
        )
        if not last:
            for advice in advices(own_text, noticed, chosen, bool(start)):
                warnings.warn(advice, stacklevel=2)
        if on_plan and not training.is_over():
            on_plan(
                Plan(
                    chosen,
                    sum(array.size for array in params.values()),
                    len(own_text.vocab),
                    own_text.num_training,
                    len(own_text.held_out),
                    training.epochs_done,
                    training.seconds_left(per_step or probe()),
                )
            )
        # That of a model which may not be the best any more.
        record.results.pop("comparison", None)
        with events.event_file(out) if tensorboard else contextlib.nullcontext() as on_round:
            training.run(folder, record, on_round)
    record.results["comparison"] = comparison(out, own_text, chosen)
    folder.write()
    return record.as_json()


def _lasting(settings: Settings, text: Text, per_step: float, seconds: float) -> Settings:
    """Return settings with no more epochs than a time allows, rounded down, but a round at least.

    Args:
        settings, text: of the training.
        per_step: what a step takes, in seconds.
        seconds: the time.
    """
    schedule = Schedule(settings, text.num_training)
    needed = schedule.seconds_after(0, per_step, len(text.held_out))
    if needed <= seconds:
        return settings
    epochs = settings.epochs * seconds / needed
    of_a_round = schedule.epoch_after(schedule.round_steps)
    epochs = max(math.floor(epochs) or epochs, min(of_a_round, settings.epochs))
    return dataclasses.replace(settings, epochs=epochs)


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
