"""What a model writes while it learns, shown now and then to who watches."""

import itertools
import sys
import time

from tqdm import tqdm

from gluon_gru.own_texts.sampling import continuation
from gluon_gru.own_texts.writing import opening

_LENGTH, _SECONDS = 80, 30


class Samples:
    """Samples of a model in training, in a terminal, one in half a minute at most.

    Args:
        model, vocab: the model, and its vocabulary.
        seed: of the samples, all of which are drawn by the same numbers.
    """

    def __init__(self, model, vocab, seed):
        self._model, self._vocab, self._seed = model, vocab, seed
        self._shown_at = time.monotonic()

    def show(self):
        """Write a sample above the progress bar, if it is time for one."""
        if not sys.stderr.isatty() or time.monotonic() - self._shown_at < _SECONDS:
            return
        tokens = itertools.islice(
            continuation(self._model, [opening(self._vocab)], 0.8, None, self._seed), _LENGTH
        )
        text = "".join(self._vocab.to_tokens(list(tokens)))[:_LENGTH]
        tqdm.write("  | " + " ".join(text.split()), file=sys.stderr)
        self._shown_at = time.monotonic()
