"""The rounds of a training: minibatches, then a score of the held-out part, then what is kept.

Truncated backpropagation through time, as in `gluon_gru.training.loop`.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import sys
import time
from collections.abc import Callable

import numpy
from tqdm import tqdm

from gluon_gru.errors import TrainingDiverged
from gluon_gru.own_texts.folder import Last, RunFolder
from gluon_gru.own_texts.schedule import Schedule
from gluon_gru.own_texts.scoring import mean_loss
from gluon_gru.own_texts.settings import Settings
from gluon_gru.own_texts.stream import MinibatchStream
from gluon_gru.own_texts.writing import continuation, opening
from gluon_gru.report.terminal import harmless
from gluon_gru.runs.checkpoint import Checkpoint
from gluon_gru.runs.files import JSONObject
from gluon_gru.runs.record import Record
from gluon_gru.text.minibatches import SeqDataLoader
from gluon_gru.text.reading import Text
from gluon_gru.training.interrupt import CtrlC
from gluon_gru.training.learner import Learner
from gluon_gru.training.metrics import perplexity

# A loss, in nats per token, that only weights out of control can have.
_ABSURD = 50

# The tokens of a sample that a terminal shows, and the least time between two.
_SAMPLE_TOKENS, _SAMPLE_SECONDS = 80, 30


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
    """

    def __init__(
        self, settings: Settings, text: Text, config: JSONObject, learner: Learner
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
        )
        with bar, CtrlC() as ctrl_c:
            try:
                while not self._is_over():
                    self._round(ctrl_c, bar)
                    last, best = self._rounds[-1], best_round(self._rounds)
                    record.results["best"] = best
                    folder.note(*self._checkpoints(is_best=best is last))
                    on_round(self._done, last)
                    bar.set_postfix_str(
                        f"perplexity {last['train_perplexity']:.2f}, held out "
                        f"{last['validation_perplexity']:.2f} "
                        f"(best {best['validation_perplexity']:.2f})"
                    )
                    if best is last:
                        self._show_sample()
            finally:
                folder.save()

    def _show_sample(self) -> None:
        """Write a line of the model's own text to a terminal, if the last one is old."""
        if time.monotonic() - self._sampled_at > _SAMPLE_SECONDS and sys.stderr.isatty():
            vocab = self._text.vocab
            seed, unk = self._settings.seed, vocab.unk
            tokens = continuation(self._learner, [opening(vocab)], seed=seed, unk=unk)
            text = "".join(map(vocab.to_tokens, itertools.islice(tokens, _SAMPLE_TOKENS)))
            line = " ".join(text[:_SAMPLE_TOKENS].split())
            tqdm.write(f"  | {harmless(line, sys.stderr)}", file=sys.stderr)
            self._sampled_at = time.monotonic()

    def _is_over(self) -> bool:
        """Return whether the planned end is reached, or patience has run out."""
        if not self._rounds:
            return False
        since = len(self._rounds) - 1 - self._rounds.index(best_round(self._rounds))
        return self._done >= self._schedule.num_steps or since >= self._settings.patience

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
        self._rounds.extend(last.rounds)
