"""Training on a text of one's own: in rounds, after each of which the held-out part is scored.

Truncated backpropagation through time, as in `gluon_gru.training.loop`, with a learning rate that
falls
along half a cosine to the end that is planned: a schedule without a state of its own, which needs
no tuning, and works for less than an epoch as for many.
"""

import dataclasses
import itertools
import math
import random
import time

import mxnet as mx
import numpy
from mxnet import init, np
from tqdm import tqdm

from gluon_gru.cells import OPTIONS
from gluon_gru.errors import TrainingDiverged
from gluon_gru.models import RNNModel, fused
from gluon_gru.models.parameters import params_of, set_params
from gluon_gru.own_texts.folder import Folder, best_round
from gluon_gru.own_texts.samples import Samples
from gluon_gru.own_texts.scoring import mean_loss
from gluon_gru.own_texts.settings import Settings, filled, num_validation
from gluon_gru.runs.checkpoint import Checkpoint
from gluon_gru.runs.environment import environment
from gluon_gru.text.minibatches import SeqDataLoader
from gluon_gru.text.reading import read
from gluon_gru.training.interrupt import CtrlC
from gluon_gru.training.learner import CLIP_NORM, learner_of
from gluon_gru.training.loop import set_seed
from gluon_gru.training.metrics import perplexity

# Nats a token.
_ABSURD = 50

#: A round is whole epochs of this many tokens at least, or a part of one of this many at most.
ROUND_TOKENS = 20_000, 1_000_000


def train(text, out, resume=False, command="", make_learner=None, **settings):
    """Train a model on a text; return what ``out/run.json`` holds, a dict.

    The text's end is held out. After every round (an epoch, several of a short text, a part of a
    long one's) that is scored; the best model so far is kept in ``out/model.safetensors``. Ctrl-C
    takes effect between two minibatches, and loses nothing but the round that it falls in. A run
    that was interrupted and resumed is, digit for digit, that of one that was not.

    It calls `gluon_gru.set_seed`, which seeds all that draws in this process.

    Args:
        text: the path of a UTF-8 file.
        out: the run's folder.
        resume: go on with the run that the folder holds, if any; its settings hold then.
        command: the command line, for the record.
        make_learner: what is called for what learns, for comparisons with others.
        tokens: ``characters`` or ``words``: see `gluon_gru.text.reading`.
        case: ``keep`` or ``fold`` (the text in lower case).
        cell: ``rnn``, ``gru`` (the book's), ``gru-after`` (cuDNN's), ``lstm``.
        num_hiddens, num_layers: hidden units a layer, and layers.
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

    What isn't given follows from the text's size: `gluon_gru.own_texts.settings.filled`.

    Raises:
        InputError: for a text or a setting that can't be used, a folder that holds another run;
            before anything is written.
        TrainingDiverged: when the loss is no longer finite; the rounds before are kept.
    """
    folder = Folder(out, resume)
    if folder.record:
        folder.check_continues(settings, None)
        settings = folder.record["settings"]
    chosen = Settings(**settings)
    found = read(
        text,
        chosen.tokens,
        chosen.case,
        lambda num_tokens: num_tokens - num_validation(num_tokens, chosen.validation),
    )
    if folder.record:
        folder.check_continues({}, found)
    settings = filled(settings, found.num_training, len(found.vocab))
    with Training(folder, found, settings, make_learner) as training:
        training.begin(command)
        training.go()
    return folder.record


class Training:
    """A run in the making: the model, where it is in the text, its folder."""

    def __init__(self, folder, text, settings, make_learner):
        self.folder, self.settings, self.text = folder, settings, text
        set_seed(settings.seed)
        self.model = _model(settings, len(text.vocab))
        self.learner = (make_learner or _learner)(
            self.model, settings.optimizer, CLIP_NORM, settings.seed
        )
        self.place = Place(
            SeqDataLoader(
                settings.batch_size,
                settings.num_steps,
                settings.sampling == "random",
                -1,
                (text.tokens[: text.num_training], text.vocab),
                random.Random(settings.seed),
            )
        )
        self.minibatch_size = settings.batch_size * settings.num_steps
        # An epoch has one minibatch more or less, as its offset falls.
        num_training = text.num_training
        epoch = max(1, (num_training - 1) // self.minibatch_size)
        self.num_steps = max(1, round(settings.epochs * epoch))
        least, most = ROUND_TOKENS
        self.round_steps = (
            epoch * math.ceil(least / num_training)
            if num_training < most
            else math.ceil(epoch / math.ceil(num_training / most))
        )
        self.done = 0

    def begin(self, command):
        """Go on from the folder's last checkpoint, if there is one; write the record."""
        record = self.folder.record or {
            "settings": dataclasses.asdict(self.settings),
            "text": _facts(self.text),
            "rounds": [],
            "invocations": [],
        }
        last = self.folder.last()
        record["rounds"] = last.history["rounds"] if last else []
        if last:
            self._load(last)
        record["engine"] = self.learner.engine
        record["invocations"].append({"command": command, "environment": environment(mx.cpu())})
        self.folder.begin(record)

    def _load(self, last):
        set_params(
            self.model,
            {
                name.split(" ", 1)[1]: array
                for name, array in last.params.items()
                if name.startswith("model ")
            },
        )
        # The engine reads the weights' memory as it is.
        mx.nd.waitall()
        self.learner.load_state(
            {
                name.split(" ", 1)[1]: array
                for name, array in last.params.items()
                if name.startswith("learner ")
            }
        )
        self.place.set(last.history["place"], last.random_state)
        self.done = last.history["done"]

    @property
    def rounds(self):
        """The measurements so far, a list of dicts."""
        return self.folder.record["rounds"]

    def is_over(self):
        """Return whether the planned end is reached, or patience has run out."""
        if self.done >= self.num_steps or not self.rounds:
            return self.done >= self.num_steps
        since = len(self.rounds) - 1 - self.rounds.index(best_round(self.rounds))
        return since >= self.settings.patience

    def go(self):
        """Train until it is over, saving now and then, and at the end, however that comes."""
        size = self.minibatch_size
        with tqdm(
            total=self.num_steps * size,
            initial=self.done * size,
            unit="tok",
            unit_scale=True,
            disable=None,
            dynamic_ncols=True,
        ) as bar, CtrlC() as ctrl_c:
            samples = Samples(self.model, self.text.vocab, self.settings.seed)
            try:
                while not self.is_over():
                    self._round(ctrl_c, bar)
                    self._show(bar)
                    if best_round(self.rounds) is self.rounds[-1]:
                        samples.show()
            finally:
                self.folder.save()

    def _round(self, ctrl_c, bar):
        start, losses = time.perf_counter(), []
        count = min(self.round_steps, self.num_steps - self.done)
        for number, (X, Y, fresh) in enumerate(itertools.islice(self.place.minibatches(), count)):
            ctrl_c.check()
            # The state starts anew in every round too, since no checkpoint holds it.
            loss = self.learner.step(
                X,
                Y,
                self._lr(self.done + number),
                from_zeros=(fresh or number == 0 or self.settings.sampling == "random"),
            )
            loss = float(loss)
            self._check_finite(loss)
            losses.append(loss)
            bar.update(X.size)
        seconds = time.perf_counter() - start
        validation = mean_loss(self.learner.score, self.text.held_out, ctrl_c.check)
        self._check_finite(validation)
        self.done += count
        self.rounds.append(
            {
                "epoch": round(self.done * self.minibatch_size / self.text.num_training, 4),
                "train_perplexity": perplexity(numpy.mean(losses)),
                "validation_perplexity": perplexity(validation),
                "bits_per_character": self.text.bits_per_character(validation),
                "lr": self._lr(self.done - 1),
                "seconds": time.perf_counter() - start,
                "tokens_per_sec": count * self.minibatch_size / seconds,
            }
        )
        self._keep()

    def _show(self, bar):
        last, best = self.rounds[-1], best_round(self.rounds)
        bar.set_postfix_str(
            f"perplexity {last['train_perplexity']:.2f}, held out "
            f"{last['validation_perplexity']:.2f} (best "
            f"{best['validation_perplexity']:.2f})"
        )

    def _lr(self, step):
        lr, decay = self.settings.lr, self.settings.decay
        share = step / max(1, self.num_steps - 1)
        return lr * (decay + (1 - decay) * (1 + math.cos(math.pi * share)) / 2)

    def _check_finite(self, loss):
        # No guess is as bad as that: the weights are out of control.
        if not loss < _ABSURD:
            raise TrainingDiverged(
                f"training diverged in round {len(self.rounds) + 1} (loss {loss:g}): train into "
                f"another folder with an lr below {self.settings.lr:g}"
            )

    def _keep(self):
        params = params_of(self.model)
        config = {
            **self.model.config(),
            "device": "cpu(0)",
            "text": {"tokens": self.settings.tokens, "case": self.settings.case},
        }
        place, random_state = self.place.get()
        vocab, number = list(self.text.vocab.idx_to_token), len(self.rounds)
        last = Checkpoint(
            {
                **{f"model {name}": array for name, array in params.items()},
                **{f"learner {name}": array for name, array in self.learner.state().items()},
            },
            config,
            vocab,
            number,
            {"rounds": list(self.rounds), "place": place, "done": self.done},
            random_state,
        )
        best = None
        if best_round(self.rounds) is self.rounds[-1]:
            best = Checkpoint(params, config, vocab, number, {}, random_state)
        self.folder.round_ends(last, best)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.learner.close()


class Place:
    """Where a training is in its epochs' minibatches, which go on for ever.

    Args:
        loader: a `SeqDataLoader` with a `random.Random` of its own.
    """

    def __init__(self, loader):
        self._loader, self._drawn = loader, loader.rng.getstate()
        self._epoch, self._index, self._skipped = None, 0, 0

    def minibatches(self):
        """Yield ``(X, Y, fresh)``, fresh if the minibatch is an epoch's first."""
        while True:
            if self._epoch is None:
                self._drawn = self._loader.rng.getstate()
                self._epoch = itertools.islice(self._loader.in_numpy(), self._skipped, None)
            for X, Y in self._epoch:
                self._index += 1
                yield X, Y, self._index == 1
            self._epoch, self._index, self._skipped = None, 0, 0

    def get(self):
        """Return how many of the epoch's minibatches are done, and the random state before it."""
        version, internal, gauss_next = self._drawn
        return self._index, [version, list(internal), gauss_next]

    def set(self, index, random_state):
        """Go on from what `get` returned."""
        version, internal, gauss_next = random_state
        self._loader.rng.setstate((version, tuple(internal), gauss_next))
        self._epoch, self._index, self._skipped = None, index, index


def _model(settings, vocab_size):
    """Return a new model with weights drawn uniformly from +-1/sqrt(num_hiddens), biases of 0.

    That is what PyTorch's recurrent layers start from; the book's standard deviation of 0.01 goes
    with its SGD, whose steps grow with the gradients, where Adam's don't. But the first layer's
    weights by which tokens come in are from +-1: only one of a row's inputs is 1, the others are 0,
    so that smaller ones would hardly be heard, and several layers learn nothing but the tokens'
    frequencies for many epochs.
    """
    cell = OPTIONS[settings.cell]
    layer = getattr(fused, cell.fused_layer)(
        settings.num_hiddens,
        settings.num_layers,
        dropout=settings.dropout,
        **({"activation": cell.activation} if cell.activation else {}),
    )
    model = RNNModel(layer, vocab_size)
    model.initialize(init=init.Uniform(settings.num_hiddens**-0.5))
    # Gluon draws them once it knows the sizes.
    model(np.zeros((1, 1), dtype="int32"), model.begin_state(batch_size=1, ctx=mx.cpu()))
    tokens_in = layer.l0_i2h_weight
    tokens_in.set_data(np.random.uniform(-1, 1, tokens_in.shape))
    return model


def _learner(model, optimizer, clip_norm, seed):
    return learner_of(model, None, None, clip_norm, optimizer, seed)


def _facts(text):
    return {
        "name": text.name,
        "size": text.size,
        "sha256": text.sha256,
        "num_tokens": len(text.tokens),
        "num_training": text.num_training,
        "vocab_size": len(text.vocab),
        "unknown": float(numpy.mean(text.tokens == text.vocab.unk)),
    }
