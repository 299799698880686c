"""What whoever watches a training sees: a bar, the perplexities, and now and then a sample."""

from __future__ import annotations

import itertools
import sys
import time
from typing import Any

from tqdm import tqdm

from gluon_gru.own_texts.schedule import Schedule
from gluon_gru.own_texts.writing import continuation, opening
from gluon_gru.text.vocabulary import Vocab
from gluon_gru.training.learner import Learner

# Tokens in a sample, and the seconds between two at least.
_SAMPLE_TOKENS, _SAMPLE_SECONDS = 80, 30


class Progress:
    """The progress of a training, in a terminal. Its ``with`` block closes the bar.

    Args:
        schedule: of the training.
        done: the steps that are done.
        learner, vocab: of the model, which writes the samples.
        seed: of the samples, all of which are drawn by the same random numbers.
    """

    def __init__(
        self, schedule: Schedule, done: int, learner: Learner, vocab: Vocab, seed: int
    ) -> None:
        self._learner, self._vocab, self._seed = learner, vocab, seed
        self._sampled_at = time.monotonic()
        self._bar = tqdm(
            total=schedule.num_steps * schedule.minibatch_size,
            initial=done * schedule.minibatch_size,
            unit="tok",
            unit_scale=True,
            disable=None,
            dynamic_ncols=True,
        )

    def advance(self, num_tokens: int) -> None:
        """Show that so many tokens more are trained on."""
        self._bar.update(num_tokens)

    def show(self, last: dict[str, Any], best: dict[str, Any]) -> None:
        """Show the last round beside the best; if that is the same one, a sample if it's time."""
        self._bar.set_postfix_str(
            f"perplexity {last['train_perplexity']:.2f}, held out "
            f"{last['validation_perplexity']:.2f} (best {best['validation_perplexity']:.2f})"
        )
        due = time.monotonic() - self._sampled_at > _SAMPLE_SECONDS
        if last is best and due and sys.stderr.isatty():
            start = [opening(self._vocab)]
            tokens = continuation(self._learner, start, 0.8, None, self._seed)
            text = "".join(map(self._vocab.to_tokens, itertools.islice(tokens, _SAMPLE_TOKENS)))
            tqdm.write("  | " + " ".join(text[:_SAMPLE_TOKENS].split()), file=sys.stderr)
            self._sampled_at = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
