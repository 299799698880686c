"""The book's training loop, ``train_ch8``: truncated backpropagation through time, clipping, SGD.

The book reads the loss and the gradient's norm in every minibatch, and so waits for the device each
time; here both stay on the device until the epoch ends. A run can be resumed to the digit.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import numbers
import random
import time
import zlib
from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping

import mxnet as mx
import numpy
from mxnet import gluon, init
from tqdm import tqdm

from gluon_gru.errors import InputError, TrainingDiverged, check_positive
from gluon_gru.runs.checkpoint import RunFile
from gluon_gru.training.animator import Animator, in_notebook
from gluon_gru.training.generation import predict_ch8
from gluon_gru.training.interrupt import CtrlC
from gluon_gru.training.learner import CLIP_NORM, learner_of
from gluon_gru.training.metrics import Timer, perplexity
from gluon_gru.training.updates import grad_clipping, trained_params

if TYPE_CHECKING:
    from gluon_gru.runs.files import StrPath
    from gluon_gru.text.vocabulary import Vocab


@dataclasses.dataclass(repr=False)
class History:
    """The measurements of a training run, one list entry per epoch.

    Attributes:
        perplexity: exp of the mean training loss per token over the epoch.
        tokens_per_sec: trained tokens per second.
        seconds: of the epoch.
        continuations: epoch (from 1, as a string) -> generated texts, if any were requested.
    """

    perplexity: list = dataclasses.field(default_factory=list)
    tokens_per_sec: list = dataclasses.field(default_factory=list)
    seconds: list = dataclasses.field(default_factory=list)
    continuations: dict = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of epochs."""
        return len(self.perplexity)

    def __repr__(self) -> str:
        last = f", perplexity {self.perplexity[-1]:.3f}" if len(self) else ""
        return f"<History of {len(self)} epochs{last}>"


def set_seed(seed: int) -> None:
    """Seed everything that training draws from: Python's ``random``, NumPy and MXNet.

    Runs whose models are built after this call, from the same seed on the same device, have the
    same history, digit for digit.

    Raises:
        InputError: if ``seed`` is not a whole number from 0 to 2**31 - 1.
    """
    if not isinstance(seed, numbers.Integral) or not 0 <= seed < 2**31:
        raise InputError(f"seed {seed!r} is not a whole number from 0 to {2**31 - 1}")
    random.seed(seed)
    numpy.random.seed(seed)
    mx.random.seed(seed)


def train_epoch_ch8(
    model: Any,
    train_iter: Iterable,
    loss: Any,
    updater: Callable[..., None],
    ctx: mx.Context,
    use_random_iter: bool,
) -> tuple[float, float]:
    """Train a model for an epoch; ``(perplexity, tokens/sec)``.

    The hidden state starts from zeros, and is carried over from minibatch to minibatch and detached.
    Source: the book's section "Implementation of Recurrent Neural Networks from Scratch".

    Args:
        model: an `RNNModel`, an `RNNModelScratch` or an object with the same calls.
        train_iter: iterable of minibatches ``(X, Y)``, (batch_size, num_steps) each.
        loss: a Gluon loss, ``loss(logits, labels)``, one entry per token.
        updater: ``updater(batch_size)`` updates the parameters from their gradients.
        ctx: the device that the model is on.
        use_random_iter: whether minibatches don't continue each other; the hidden state then starts
            from zeros in each of them.

    Raises:
        InputError: if ``train_iter`` gives no minibatch.
    """

    def update() -> None:
        grad_clipping(model, CLIP_NORM)
        updater(batch_size=1)

    return train_epoch(model, train_iter, loss, 0, ctx, use_random_iter, update=update)


def train_epoch(
    model: Any,
    train_iter: Iterable,
    loss: Any,
    lr: float,
    ctx: mx.Context,
    use_random_iter: bool = False,
    between: Callable[[Iterable], Iterable] = iter,
    update: Callable[[], None] | None = None,
) -> tuple[float, float]:
    """Do what `train_epoch_ch8` does, by SGD unless there is an ``update``.

    The minibatches pass through ``between``: see `gluon_gru.training.interrupt.CtrlC.between`.
    """
    losses, sizes, timer = [], [], Timer()
    with learner_of(model, ctx, loss, update=update) as learner:
        for X, Y in between(learner.minibatches(train_iter)):
            losses.append(learner.step(X, Y, lr, from_zeros=use_random_iter))
            sizes.append(Y.size)
        # The last update belongs to the epoch's time too.
        learner.finish()
        seconds = timer.stop()
    if not losses:
        raise InputError("train_iter gives no minibatch: the text is too short for one")
    mean_loss = numpy.average([float(l) for l in losses], weights=sizes)
    return perplexity(mean_loss), sum(sizes) / seconds


def _config(model, train_iter, vocab, lr, ctx, use_random_iter, extra):
    corpus = getattr(train_iter, "corpus", None)
    return {
        **(model.config() if hasattr(model, "config") else {"model": type(model).__name__}),
        "lr": float(lr),
        "device": str(ctx),
        "use_random_iter": bool(use_random_iter),
        "batch_size": getattr(train_iter, "batch_size", None),
        "num_steps": getattr(train_iter, "num_steps", None),
        "edition": vocab.edition,
        "corpus": corpus is not None and hashlib.sha256(numpy.asarray(corpus)).hexdigest(),
        **extra,
    }


def train(
    model: Any,
    train_iter: Iterable,
    vocab: Vocab,
    lr: float,
    num_epochs: int,
    ctx: mx.Context,
    use_random_iter: bool = False,
    checkpoint: StrPath | None = None,
    config: Mapping[str, Any] | None = None,
    on_epoch: Callable[[int, History], None] | None = None,
    description: str | None = None,
    progress: bool | None = None,
) -> History:
    """Train a model with SGD and gradients clipped to norm 1; return the `History`.

    A Gluon model is initialised first (Gaussian, standard deviation 0.01); a model from scratch
    starts from the parameters it has. In a terminal, a progress bar shows the time left.

    Args:
        model, train_iter, vocab, ctx, use_random_iter: see `train_epoch_ch8`.
        lr: the learning rate.
        num_epochs: how many epochs, including those in the checkpoint.
        checkpoint: a file. The run is saved there every few seconds, at its end and at Ctrl-C. If
            the file exists, the run is resumed from it: its history is then, digit for digit, that
            of a run that was never interrupted.
        config: further facts, as JSON has them, that a checkpoint must agree with.
        on_epoch: ``on_epoch(epoch, history)`` is called after every epoch (from 1), before it is
            saved.
        description: the text before the progress bar.
        progress: whether to show the bar; by default, in a terminal.

    Raises:
        InputError: for an ``lr`` or ``num_epochs`` that isn't above 0, a file that can't be
            written, and a checkpoint that is damaged or of another run.
        TrainingDiverged: when the loss is no longer finite; the last good state has been saved.
    """
    check_positive("lr", lr, whole=False)
    check_positive("num_epochs", num_epochs)
    if isinstance(model, gluon.Block):
        model.initialize(ctx=ctx, force_reinit=True, init=init.Normal(0.01))
    history, run, rng = History(), None, getattr(train_iter, "rng", random)
    if checkpoint is not None:
        facts = _config(model, train_iter, vocab, lr, ctx, use_random_iter, config or {})
        run = RunFile(checkpoint, model, rng, vocab, facts)
        history = History(**run.resume(num_epochs))
        if history:
            _seed_mxnet(rng)
    bar = tqdm(
        total=num_epochs,
        initial=len(history),
        desc=description,
        unit="epoch",
        disable=None if progress is None else not progress,
        dynamic_ncols=True,
    )
    with bar, CtrlC() as ctrl_c:
        try:
            for epoch in range(len(history) + 1, num_epochs + 1):
                start = time.perf_counter()
                ppl, speed = train_epoch(
                    model, train_iter, None, lr, ctx, use_random_iter, ctrl_c.between
                )
                # An epoch's last update can ruin the weights after its loss was measured.
                weights = (param.asnumpy() for param in trained_params(model))
                if not math.isfinite(ppl) or not all(numpy.isfinite(w).all() for w in weights):
                    raise TrainingDiverged(_divergence(epoch, ppl, lr, run))
                history.perplexity.append(ppl)
                history.tokens_per_sec.append(speed)
                history.seconds.append(time.perf_counter() - start)
                if on_epoch:
                    on_epoch(epoch, history)
                _seed_mxnet(rng)
                if run:
                    run.epoch_ends(dataclasses.asdict(history))
                bar.set_postfix_str(f"perplexity {ppl:.2f}, {speed:,.0f} tokens/sec", refresh=False)
                bar.update()
        finally:
            if run:
                run.save()
    return history


def _seed_mxnet(rng):
    """Make MXNet's random state, which can't be saved, follow from that of ``rng``."""
    mx.random.seed(zlib.crc32(repr(rng.getstate()).encode()) >> 1)


def _divergence(epoch, ppl, lr, run):
    what = f"perplexity {ppl:g}" if not math.isfinite(ppl) else "its weights are not finite"
    message = f"training diverged in epoch {epoch} ({what}): try a learning rate below {lr:g}"
    if run and run.latest is not None:
        message += (
            f"; the state after epoch {epoch - 1} is in {str(run.path)!r} (a run with another "
            "learning rate needs another file)"
        )
    return message


def train_ch8(
    model: Any,
    train_iter: Iterable,
    vocab: Vocab,
    lr: float,
    num_epochs: int,
    ctx: mx.Context,
    use_random_iter: bool = False,
    checkpoint: StrPath | None = None,
) -> History:
    """Train a model as the book does, print what the book prints; return the `History`.

    Prints perplexity, tokens/sec and device of the last epoch, and the continuations of
    ``time traveller`` and ``traveller`` by 50 tokens. In a notebook the perplexity is drawn as the
    training goes on; in a terminal there is a progress bar. Source: the book's section
    "Implementation of Recurrent Neural Networks from Scratch".

    Args and errors: see `train`.
    """
    on_epoch = None
    if in_notebook():
        animator = Animator(
            xlabel="epoch", ylabel="perplexity", legend=["train"], xlim=[1, max(num_epochs, 2)]
        )

        def on_epoch(epoch, history):
            if epoch % 10 == 1 or epoch == num_epochs:
                # Including earlier ones: a resumed run has some that were not drawn here.
                animator.X = [list(range(1, epoch, 10))]
                animator.Y = [history.perplexity[: epoch - 1 : 10]]
                animator.add(epoch, history.perplexity[-1])

    history = train(
        model, train_iter, vocab, lr, num_epochs, ctx, use_random_iter, checkpoint, None, on_epoch
    )
    print(
        f"Perplexity {history.perplexity[-1]:.1f}, {history.tokens_per_sec[-1]:.0f} tokens/sec "
        f"on {ctx}"
    )
    for prefix in ("time traveller", "traveller"):
        print(predict_ch8(prefix, 50, model, vocab, ctx))
    return history
