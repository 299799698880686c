"""The rounds of a training: minibatches, then a score of the held-out part, then what is kept.

Truncated backpropagation through time, as in `gluon_gru.training.loop`.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
import sys
import time
from collections.abc import Callable

import numpy
from tqdm import tqdm

from gluon_gru.engine.choosing import Choosing
from gluon_gru.errors import TrainingDiverged
from gluon_gru.own_texts.folder import Last, RunFolder
from gluon_gru.own_texts.schedule import Schedule
from gluon_gru.own_texts.scoring import mean_loss
from gluon_gru.own_texts.settings import Settings
from gluon_gru.own_texts.stream import MinibatchStream
from gluon_gru.own_texts.writing import TEMPERATURE, continuation, opening
from gluon_gru.report.terminal import columns, quoted
from gluon_gru.runs.checkpoint import Checkpoint
from gluon_gru.runs.files import JSONObject
from gluon_gru.runs.record import Record
from gluon_gru.text import reading
from gluon_gru.text.minibatches import SeqDataLoader
from gluon_gru.training.interrupt import CtrlC
from gluon_gru.training.learner import Learner
from gluon_gru.training.metrics import perplexity

# A loss, in nats per token, that only weights out of control can have.
_ABSURD = 50

# The characters and lines of a sample that a terminal shows, at most.
_SAMPLE_CHARACTERS, _SAMPLE_LINES = 160, 2

#: The least time between two samples.
SAMPLE_SECONDS = 30

# From this width on, in columns, a terminal shows the whole bar; a narrower one, what matters most.
_WIDE = 72
_FORMATS = {
    True: "{percentage:3.0f}%|{bar}| {elapsed}<{remaining}, {rate_fmt}",
    False: "{percentage:3.0f}% {remaining}",
}


def best_round(rounds: list[JSONObject]) -> JSONObject:
    """Return the round of the lowest perplexity on the held-out part, the first of equals."""
    return min(rounds, key=lambda done: done["validation_perplexity"])


class Training:
    """A training: its learner, its place in the text, and the measurements of its rounds.

    Args:
        settings: all of them.
        text: the text that was read.
        config: the model's, see `gluon_gru.own_texts.model.model_config`.
        learner: of the model.
        seconds: when to end at the latest, after the round in which so many have passed.
        sample_seconds: the least time between two samples for a terminal.
    """

    def __init__(
        self,
        settings: Settings,
        text: reading.Text,
        config: JSONObject,
        learner: Learner,
        seconds: float = math.inf,
        sample_seconds: float = SAMPLE_SECONDS,
    ) -> None:
        self._settings, self._text, self._config = settings, text, config
        self._learner, self._schedule = learner, Schedule(settings, text.num_training)
        self._at_random = settings.sampling == "random"
        source, rng = (text.tokens[: text.num_training], text.vocab), random.Random(settings.seed)
        self._stream = MinibatchStream(
            SeqDataLoader(settings.batch_size, settings.num_steps, self._at_random, -1, source, rng)
        )
        # The steps that are done.
        self._done = 0
        self._rounds: list[JSONObject] = []
        self._sampled_at = time.monotonic()
        self._sample_seconds, self._ends_at = sample_seconds, time.monotonic() + seconds

    @property
    def epochs_done(self) -> float:
        """How many epochs are done."""
        return self._schedule.epoch_after(self._done)

    def seconds_left(self, step_seconds: float) -> float:
        """Return about how long it takes to the planned end: see `Schedule.seconds_after`."""
        num_held_out = len(self._text.held_out)
        return self._schedule.seconds_after(self._done, step_seconds, num_held_out)

    def run(
        self,
        folder: RunFolder,
        record: Record,
        on_round: Callable[[int, JSONObject], None] | None = None,
    ) -> None:
        """Train to the end; save now and then, and at the end or at an error.

        Args:
            folder, record: where it is kept.
            on_round: called with the step at the end of a round, and its figures; first for the
                rounds that are done already.
        """
        on_round = on_round or (lambda step, figures: None)
        for number, figures in enumerate(self._rounds, 1):
            on_round(self._schedule.step_after(number), figures)
        best = best_round(self._rounds) if self._rounds else None
        record.results.update(engine=self._learner.engine, rounds=self._rounds, best=best)
        folder.write()
        if folder.started_from and not self._rounds:
            # So that it goes on without the other model, wherever it is stopped.
            folder.note(*self._checkpoints(is_best=False))
        size = self._schedule.minibatch_size
        bar = tqdm(
            total=self._schedule.num_steps * size,
            initial=self._done * size,
            unit="tok",
            unit_scale=True,
            disable=None,
            dynamic_ncols=True,
            bar_format=self._bar_format(),
        )
        with bar, CtrlC() as ctrl_c:
            try:
                while not self.is_over():
                    self._round(ctrl_c, bar)
                    last, best = self._rounds[-1], best_round(self._rounds)
                    record.results["best"] = best
                    folder.note(*self._checkpoints(is_best=best is last))
                    on_round(self._done, last)
                    bar.bar_format = self._bar_format()
                    bar.refresh()
                    if best is last:
                        self._show_sample()
            finally:
                folder.save()

    def _bar_format(self) -> str:
        """Return the bar's format: the perplexities, and what else the terminal has room for."""
        is_wide = (columns(sys.stderr) or _WIDE) >= _WIDE
        said = "first round"
        if self._rounds:
            last, best = self._rounds[-1], best_round(self._rounds)
            said = f"held out {_short(last['validation_perplexity'])}"
            said += f" (best {_short(best['validation_perplexity'])})"
            if is_wide:
                said += f", training {_short(last['train_perplexity'])}"
        return f"{said} {_FORMATS[is_wide]}"

    def _show_sample(self) -> None:
        """Write a little of the model's own text to a terminal, if the last one is old."""
        if time.monotonic() - self._sampled_at > self._sample_seconds and sys.stderr.isatty():
            vocab = self._text.vocab
            how = Choosing(TEMPERATURE, unk=vocab.unk)
            tokens = continuation(self._learner, [opening(vocab)], how, self._settings.seed)
            pieces = map(vocab.to_tokens, itertools.islice(tokens, _SAMPLE_CHARACTERS))
            line = " ".join("".join(pieces)[:_SAMPLE_CHARACTERS].split())
            shown = quoted(line, sys.stderr).split("\n")[:_SAMPLE_LINES]
            tqdm.write("\n".join(shown), file=sys.stderr)
            self._sampled_at = time.monotonic()

    def is_over(self) -> bool:
        """Return whether the planned end is reached, or patience or time has run out."""
        if not self._rounds:
            return False
        since = len(self._rounds) - 1 - self._rounds.index(best_round(self._rounds))
        return (
            self._done >= self._schedule.num_steps
            or since >= self._settings.patience
            or time.monotonic() >= self._ends_at
        )

    def _round(self, ctrl_c: CtrlC, bar: tqdm) -> None:
        """Train on the minibatches of a round, score the held-out part, and note both."""
        plan, start, losses = self._schedule, time.perf_counter(), []
        count = min(plan.round_steps, plan.num_steps - self._done)
        for number, (X, Y, starts) in enumerate(self._stream.take(count)):
            ctrl_c.check()
            # No checkpoint holds the hidden state, so a round starts from zeros too.
            from_zeros = starts or number == 0 or self._at_random
            loss = self._learner.step(X, Y, plan.lr_at(self._done + number), from_zeros)
            losses.append(self._checked(float(loss)))
            bar.update(X.size)
        seconds = time.perf_counter() - start
        validation = mean_loss(self._learner.score, self._text.held_out, ctrl_c.check)
        self._checked(validation)
        self._done += count
        self._rounds.append(
            {
                "epoch": plan.epoch_after(self._done),
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
                f"training diverged in round {len(self._rounds) + 1} (loss {loss:g}): train into "
                f"another folder with an lr below {self._settings.lr:g}"
            )
        return loss

    def _checkpoints(self, is_best: bool) -> tuple[Checkpoint, Checkpoint | None]:
        """Return what `RunFolder.last` reads, and the model alone if it is the best so far."""
        params = self._learner.params()
        both = {"model": params, "learner": self._learner.state()}
        place, random_state = self._stream.place()
        vocab, number = self._text.vocab.idx_to_token, len(self._rounds)
        best = Checkpoint(params, self._config, vocab, number, {}, random_state)
        last = dataclasses.replace(
            best,
            params={f"{of} {name}": array for of in both for name, array in both[of].items()},
            history={"rounds": list(self._rounds), "place": place, "done": self._done},
        )
        return last, best if is_best else None

    def go_on_from(self, last: Last) -> None:
        """Continue from there; the learner has the model's parameters already."""
        self._learner.load_state(last.learner)
        self._stream.go_to(last.place, last.random_state)
        self._done = last.done
        # To version 0.1.0, an epoch had the few tokens at its end that fill no minibatch.
        self._rounds.extend(
            {**done, "epoch": self._schedule.epoch_after(self._schedule.step_after(number))}
            for number, done in enumerate(last.rounds, 1)
        )


def _short(perplexity: float) -> str:
    return f"{perplexity:.2f}" if perplexity < 1000 else f"{perplexity:,.0f}"
