"""Training on a text of one's own, in rounds: the held-out part is scored after each.

Truncated backpropagation through time, as in `gluon_gru.training.loop`.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy
from tqdm import tqdm

from gluon_gru.errors import TrainingDiverged
from gluon_gru.own_texts.advice import advices
from gluon_gru.own_texts.folder import Last, RunFolder
from gluon_gru.own_texts.model import initial_params, model_config
from gluon_gru.own_texts.schedule import Schedule
from gluon_gru.own_texts.scoring import mean_loss
from gluon_gru.own_texts.settings import DEFAULTS, Settings, checked, filled, num_validation
from gluon_gru.own_texts.stream import MinibatchStream
from gluon_gru.own_texts.writing import continuation, opening
from gluon_gru.report.terminal import harmless
from gluon_gru.runs.checkpoint import Checkpoint
from gluon_gru.runs.environment import environment
from gluon_gru.runs.files import JSONObject, StrPath
from gluon_gru.runs.record import Record
from gluon_gru.text.minibatches import SeqDataLoader
from gluon_gru.text.reading import Text, read
from gluon_gru.text.rules import Rules
from gluon_gru.text.textfile import TextFile
from gluon_gru.training.interrupt import CtrlC
from gluon_gru.training.learner import CLIP_NORM, Learner, learner_from
from gluon_gru.training.metrics import perplexity

# A loss, in nats per token, that only weights out of control can have.
_ABSURD = 50

# The tokens of a sample that a terminal shows, and the least time between two.
_SAMPLE_TOKENS, _SAMPLE_SECONDS = 80, 30


def train(
    text: StrPath,
    out: StrPath,
    resume: bool = False,
    command: str = "",
    make_learner: Callable[..., Learner] = learner_from,
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
        TrainingDiverged: when the loss is no longer finite; the rounds before are kept.
    """
    folder = RunFolder(out, resume)
    given = folder.settings(checked(settings))
    how = {**DEFAULTS, **given}
    last = folder.last()
    # A run that goes on has the words that it began with.
    rules = Rules.of(last.config) if last else Rules(how["tokens"], how["case"])
    own_text, noticed = read(
        TextFile(text, how["encoding"]),
        rules,
        lambda num_tokens: num_tokens - num_validation(num_tokens, how["validation"]),
        how["seed"] if how["lines"] == "shuffle" else None,
    )
    chosen = filled(given, own_text.num_training, len(own_text.vocab))
    rules = dataclasses.replace(rules, form=noticed.form)
    config = model_config(chosen, len(own_text.vocab), rules)
    if last:
        folder.check_fits(last, config)
    else:
        for advice in advices(own_text, noticed, chosen):
            warnings.warn(advice, stacklevel=2)
    params = last.model if last else initial_params(config, chosen.seed)
    with make_learner(params, config, CLIP_NORM, chosen.optimizer, chosen.seed) as learner:
        training = _Training(chosen, own_text, config, learner)
        if last:
            training.go_on_from(last)
        record = folder.begin(
            dataclasses.asdict(chosen), _facts(own_text), command, environment("cpu(0)")
        )
        training.run(folder, record)
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


def best_round(rounds: list[JSONObject]) -> JSONObject:
    """Return the round of the lowest perplexity on the held-out part, the first of equals."""
    return min(rounds, key=lambda done: done["validation_perplexity"])


class _Training:
    """A training: its learner, its place in the text, and the measurements of its rounds."""

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

    def run(self, folder: RunFolder, record: Record) -> None:
        """Train to the end; save now and then, and at the end or at an error."""
        best = best_round(self._rounds) if self._rounds else None
        record.results.update(engine=self._learner.engine, rounds=self._rounds, best=best)
        folder.write()
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
            tokens = continuation(self._learner, [opening(vocab)], seed=self._settings.seed)
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
