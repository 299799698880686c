"""The book's training loop, ``train_ch8``, which reads nothing back until an epoch ends.

Truncated backpropagation through time: the hidden state is carried over from minibatch to
minibatch and detached; the gradient's norm is clipped; plain SGD. The book reads the loss and the
gradient's norm in every minibatch, and so waits for the device each time; here both stay on the
device until the epoch ends. A run can be resumed to the digit.
"""

from __future__ import annotations

import contextlib
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
        continuations: epoch (from 1, a string) -> generated texts, if they were asked for.
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
    """Seed everything that training draws from: Python's `random`, NumPy and MXNet.

    Two runs from the same seed on the same device have the same history, digit for digit, if the
    model is built after this call.

    Raises:
        InputError: if ``seed`` is not a whole number from 0 to 2**31 - 1.
    """
    if not isinstance(seed, numbers.Integral) or not 0 <= seed < 2**31:
        raise InputError(f"seed {seed!r} is not a whole number from 0 to {2**31 - 1}")
    random.seed(seed)
    numpy.random.seed(seed)
    mx.random.seed(seed)


def _nothing() -> None:
    pass


def train_epoch_ch8(
    model: Any,
    train_iter: Iterable,
    loss: Any,
    updater: Callable[..., None],
    ctx: mx.Context,
    use_random_iter: bool,
) -> tuple[float, float]:
    """Train a model for an epoch; ``(perplexity, tokens/sec)``.

    The hidden state starts at zero, is carried over minibatches and detached; with
    ``use_random_iter`` it starts anew in every minibatch. Source: the book's section
    "Implementation of Recurrent Neural Networks from Scratch".

    Args:
        model: an `RNNModel`, `RNNModelScratch` or what has their calls.
        train_iter: iterable of minibatches ``(X, Y)``, (batch_size, num_steps) each.
        loss: a Gluon loss, ``loss(logits, labels)``, one entry per token.
        updater: ``updater(batch_size)`` updates the parameters from their gradients.
        ctx: the device that the model is on.
        use_random_iter: whether minibatches don't continue each other.

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
    check: Callable[[], None] = _nothing,
    update: Callable[[], None] | None = None,
) -> tuple[float, float]:
    """Do what `train_epoch_ch8` does, by SGD unless there is an ``update``.

    ``check()`` is called before every minibatch; an error that it raises ends the epoch.
    """
    losses, sizes, timer = [], [], Timer()
    with learner_of(model, ctx, loss, update=update) as learner:
        for X, Y in learner.minibatches(train_iter):
            check()
            losses.append(learner.step(X, Y, lr, from_zeros=use_random_iter))
            sizes.append(Y.size)
        # The last update belongs to the epoch's time too.
        learner.finish()
        seconds = timer.stop()
    if not losses:
        raise InputError("train_iter gives no minibatch: the text is too short for one")
    return perplexity(numpy.average([float(l) for l in losses], weights=sizes)), sum(
        sizes
    ) / seconds


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
    goes on from the parameters it has. In a terminal, a progress bar shows the time left.

    Args:
        model, train_iter, vocab, ctx, use_random_iter: see `train_epoch_ch8`.
        lr: the learning rate.
        num_epochs: how many epochs, those in the checkpoint included.
        checkpoint: a file. The run is saved there every few seconds, at its end and at Ctrl-C, and
            if the file is there already, the run goes on from it: its history is then, digit for
            digit, that of a run that was never interrupted.
        config: a dict of further facts, as JSON holds them, which a checkpoint must agree with.
        on_epoch: ``on_epoch(epoch, history)`` is called after every epoch (from 1), before it is
            saved.
        description: what to write before the progress bar.
        progress: whether to show the bar; by default, in a terminal.

    Raises:
        InputError: for numbers that make no sense, a file that can't be written, and a checkpoint
            that is damaged or of another run.
        TrainingDiverged: when the loss is no longer finite; the last good state has been saved.
    """
    check_positive("lr", lr, whole=False)
    check_positive("num_epochs", num_epochs)
    if isinstance(model, gluon.Block):
        model.initialize(ctx=ctx, force_reinit=True, init=init.Normal(0.01))
    history, run, rng = History(), None, getattr(train_iter, "rng", random)
    if checkpoint is not None:
        run = RunFile(
            checkpoint,
            model,
            rng,
            vocab,
            _config(model, train_iter, vocab, lr, ctx, use_random_iter, config or {}),
        )
        history = History(**run.resume(num_epochs))
        if history:
            _seed_mxnet(rng)
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    with contextlib.ExitStack() as stack:
        if run:
            stack.callback(run.save)
        bar = stack.enter_context(
            tqdm(
                total=num_epochs,
                initial=len(history),
                desc=description,
                unit="epoch",
                disable=None if progress is None else not progress,
                dynamic_ncols=True,
            )
        )
        ctrl_c = stack.enter_context(CtrlC())
        for epoch in range(len(history) + 1, num_epochs + 1):
            start = time.perf_counter()
            ppl, speed = train_epoch(
                model, train_iter, loss, lr, ctx, use_random_iter, ctrl_c.check
            )
            # An epoch's last update can ruin the weights after its loss was measured.
            if not (math.isfinite(ppl) and _weights_are_finite(model)):
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
    return history


def _seed_mxnet(rng):
    """Have MXNet's random state, which can't be read and so not saved, follow from ``rng``'s."""
    mx.random.seed(zlib.crc32(repr(rng.getstate()).encode()) >> 1)


def _weights_are_finite(model):
    return all(numpy.isfinite(param.asnumpy()).all() for param in trained_params(model))


def _divergence(epoch, ppl, lr, run):
    what = f"perplexity {ppl:g}" if not math.isfinite(ppl) else "its weights are not finite"
    kept = (
        f"; the state after epoch {epoch - 1} is in {str(run.path)!r} (a run with another "
        "learning rate needs another file)"
        if run and run.latest is not None
        else ""
    )
    return f"training diverged in epoch {epoch} ({what}): try a learning rate below {lr:g}{kept}"


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
    ``time traveller`` and ``traveller`` by 50 tokens. In a notebook the perplexity is drawn while
    it falls, in a terminal there is a progress bar. Source: the book's section "Implementation of
    Recurrent Neural Networks from Scratch".

    Args and errors: see `train`.
    """
    on_epoch = None
    if in_notebook():
        animator = Animator(
            xlabel="epoch", ylabel="perplexity", legend=["train"], xlim=[1, max(num_epochs, 2)]
        )

        def on_epoch(epoch, history):
            if epoch % 10 == 1 or epoch == num_epochs:
                # Those before too: a resumed run has some that were not drawn here.
                animator.X = [list(range(1, epoch, 10))]
                animator.Y = [history.perplexity[: epoch - 1 : 10]]
                animator.add(epoch, history.perplexity[-1])

    history = train(
        model,
        train_iter,
        vocab,
        lr,
        num_epochs,
        ctx,
        use_random_iter,
        checkpoint,
        on_epoch=on_epoch,
    )
    print(
        f"Perplexity {history.perplexity[-1]:.1f}, {history.tokens_per_sec[-1]:.0f} tokens/sec "
        f"on {ctx}"
    )
    for prefix in ("time traveller", "traveller"):
        print(predict_ch8(prefix, 50, model, vocab, ctx))
    return history
