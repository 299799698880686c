"""Training on a text of one's own: in rounds, after each of which the held-out part is scored.

Truncated backpropagation through time, as in `gluon_gru.training.loop`. Read it from the top.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable
from typing import Any

import numpy

from gluon_gru.errors import TrainingDiverged
from gluon_gru.own_texts.folder import RunFolder, best_round
from gluon_gru.own_texts.model import initial_params, model_config
from gluon_gru.own_texts.progress import Progress
from gluon_gru.own_texts.schedule import schedule
from gluon_gru.own_texts.scoring import mean_loss
from gluon_gru.own_texts.settings import DEFAULTS, Settings, checked, filled, num_validation
from gluon_gru.own_texts.stream import MinibatchStream
from gluon_gru.runs.checkpoint import Checkpoint
from gluon_gru.runs.files import StrPath
from gluon_gru.text.minibatches import SeqDataLoader
from gluon_gru.text.reading import Text, read
from gluon_gru.training.interrupt import CtrlC
from gluon_gru.training.learner import CLIP_NORM, Learner, learner_from
from gluon_gru.training.metrics import perplexity

# Nats per token. No guess is as bad as that: the weights are out of control.
_ABSURD = 50


def train(
    text: StrPath,
    out: StrPath,
    resume: bool = False,
    command: str = "",
    make_learner: Callable[..., Learner] = learner_from,
    **settings: Any,
) -> dict[str, Any]:
    """Train a model on a text; return what ``out/record.json`` holds.

    The text's end is held out. After every round (an epoch, several of a short text, a part of a
    long one's) that is scored; the best model so far is kept in ``out/model.safetensors``. Ctrl-C
    takes effect between two minibatches, and loses nothing but the round that it falls in. A run
    that was interrupted and resumed is, digit for digit, that of one that was not.

    Args:
        text: the path of a UTF-8 file.
        out: the run's folder.
        resume: go on with the run that the folder holds, if any; its settings hold then.
        command: the command line, for the record.
        make_learner: what is called for what learns, for comparisons with others; as `learner_from`.
        tokens: ``characters`` or ``words``: see `gluon_gru.text.reading`.
        case: ``keep`` or ``fold`` (the text in lower case).
        cell: ``rnn``, ``gru`` (the book's), ``gru-after`` (cuDNN's), ``lstm``.
        num_hiddens, num_layers: hidden units per layer, and layers.
        dropout: the share of hidden units that is dropped between layers in training.
        optimizer: ``adam`` or ``sgd``, as in the book.
        lr, decay: the learning rate, and the share of it that is left at the planned end.
        batch_size, num_steps: sequences in a minibatch, tokens in a sequence.
        sampling: ``sequential`` (minibatches continue each other, the hidden state too) or
            ``random``.
        validation: the share of the text that is held out, of 200,000 tokens at most.
        patience: stop after so many rounds without a lower perplexity on the held-out part.
        epochs: when to end at the latest; less than one for a part of the text.
        seed: of the weights, the minibatches and dropout.

    What isn't given is set by `gluon_gru.own_texts.settings.DEFAULTS`, or by the text's size.

    Raises:
        InputError: for a text or a setting that can't be used, a folder that holds another run;
            before anything is written.
        TrainingDiverged: when the loss is no longer finite; the rounds before are kept.
    """
    folder = RunFolder(out, resume)
    given = folder.settings(checked(settings))
    own_text = _read({**DEFAULTS, **given}, text)
    chosen = filled(given, own_text.num_training, len(own_text.vocab))
    config = model_config(chosen, len(own_text.vocab))
    params = initial_params(config, chosen.seed)
    with make_learner(params, config, CLIP_NORM, chosen.optimizer, chosen.seed) as learner:
        training = _Training(chosen, own_text, config, learner)
        last = folder.last()
        if last:
            training.go_on_from(last)
        facts = _facts(own_text)
        folder.begin(dataclasses.asdict(chosen), facts, command, learner.engine, training.rounds)
        training.run(folder)
    return folder.record.as_json()


def _read(settings: dict[str, Any], path: StrPath) -> Text:
    return read(
        path,
        settings["tokens"],
        settings["case"],
        lambda num_tokens: num_tokens - num_validation(num_tokens, settings["validation"]),
    )


def _facts(text: Text) -> dict[str, Any]:
    return {
        "name": text.name,
        "size": text.size,
        "sha256": text.sha256,
        "num_tokens": len(text.tokens),
        "num_training": text.num_training,
        "vocab_size": len(text.vocab),
        "unknown": float(numpy.mean(text.tokens == text.vocab.unk)),
    }


class _Training:
    """A training under way: what learns, where it is in the text, and the rounds that are done.

    Attributes:
        rounds: the measurements of each, a list of dicts.
    """

    def __init__(
        self, settings: Settings, text: Text, config: dict[str, Any], learner: Learner
    ) -> None:
        self._settings, self._text, self._config = settings, text, config
        self._learner, self._schedule = learner, schedule(settings, text.num_training)
        self._stream = MinibatchStream(
            SeqDataLoader(
                settings.batch_size,
                settings.num_steps,
                settings.sampling == "random",
                -1,
                (text.tokens[: text.num_training], text.vocab),
                random.Random(settings.seed),
            )
        )
        self._done = 0
        self.rounds: list[dict[str, Any]] = []

    def run(self, folder: RunFolder) -> None:
        """Train until it is over, saving now and then, and at the end, however that comes."""
        vocab, seed = self._text.vocab, self._settings.seed
        with Progress(
            self._schedule, self._done, self._learner, vocab, seed
        ) as progress, CtrlC() as ctrl_c:
            try:
                while not self._is_over():
                    self._round(ctrl_c, progress)
                    best = best_round(self.rounds)
                    folder.note(*self._checkpoints(is_best=best is self.rounds[-1]))
                    progress.show(self.rounds[-1], best)
            finally:
                folder.save()

    def _is_over(self) -> bool:
        """Return whether the planned end is reached, or patience has run out."""
        if self._done >= self._schedule.num_steps or not self.rounds:
            return self._done >= self._schedule.num_steps
        since = len(self.rounds) - 1 - self.rounds.index(best_round(self.rounds))
        return since >= self._settings.patience

    def _round(self, ctrl_c: CtrlC, progress: Progress) -> None:
        """Train on a round's minibatches, score the held-out part, and note both."""
        plan, start, losses = self._schedule, time.perf_counter(), []
        count = min(plan.round_steps, plan.num_steps - self._done)
        for number, (X, Y, starts) in enumerate(self._stream.take(count)):
            ctrl_c.check()
            # The state starts anew in every round too, since no checkpoint holds it.
            from_zeros = starts or number == 0 or self._settings.sampling == "random"
            loss = self._learner.step(X, Y, plan.lr_at(self._done + number), from_zeros)
            losses.append(self._checked(float(loss)))
            progress.advance(X.size)
        seconds = time.perf_counter() - start
        validation = mean_loss(self._learner.score, self._text.held_out, ctrl_c.check)
        self._checked(validation)
        self._done += count
        self.rounds.append(
            {
                "epoch": round(self._done * plan.minibatch_size / self._text.num_training, 4),
                "train_perplexity": perplexity(float(numpy.mean(losses))),
                "validation_perplexity": perplexity(validation),
                "bits_per_character": self._text.bits_per_character(validation),
                "lr": plan.lr_at(self._done - 1),
                "seconds": time.perf_counter() - start,
                "tokens_per_sec": count * plan.minibatch_size / seconds,
            }
        )

    def _checked(self, loss: float) -> float:
        if not loss < _ABSURD:
            raise TrainingDiverged(
                f"training diverged in round {len(self.rounds) + 1} (loss {loss:g}): train into "
                f"another folder with an lr below {self._settings.lr:g}"
            )
        return loss

    def _checkpoints(self, is_best: bool) -> tuple[Checkpoint, Checkpoint | None]:
        """Return what a resumed run goes on from, and the model alone if it is the best so far."""
        params, state = self._learner.params(), self._learner.state()
        place, random_state = self._stream.place()
        vocab, number = list(self._text.vocab.idx_to_token), len(self.rounds)
        last = Checkpoint(
            {
                **{f"model {name}": array for name, array in params.items()},
                **{f"learner {name}": array for name, array in state.items()},
            },
            self._config,
            vocab,
            number,
            {"rounds": list(self.rounds), "place": place, "done": self._done},
            random_state,
        )
        best = Checkpoint(params, self._config, vocab, number, {}, random_state)
        return last, best if is_best else None

    def go_on_from(self, last: Checkpoint) -> None:
        """Go on from what `_checkpoints` returned, in this process or another."""
        parts: dict[str, dict[str, numpy.ndarray]] = {"model": {}, "learner": {}}
        for name, array in last.params.items():
            part, _, name_in_part = name.partition(" ")
            parts[part][name_in_part] = array
        self._learner.set_params(parts["model"])
        self._learner.load_state(parts["learner"])
        assert last.history is not None and last.random_state is not None
        self._stream.go_to(last.history["place"], last.random_state)
        self._done = last.history["done"]
        self.rounds.extend(last.history["rounds"])
