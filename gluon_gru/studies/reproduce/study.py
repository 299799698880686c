"""From claims to measurements: which runs they need, and running them.

A run serves every claim that has its protocol: the slides' numbers at an early epoch are read off
the chapter's longer run.
"""

import dataclasses
import json
import pathlib
import random
import sys
import typing

from mxnet.gluon import rnn

from gluon_gru import engine, models
from gluon_gru.errors import InputError, check_positive
from gluon_gru.models import fused
from gluon_gru.published.claims import CLAIMS, GROUPS, Protocol, on_engine
from gluon_gru.published.judging import judge
from gluon_gru.published.records import verdict_recorded
from gluon_gru.published.trainings import evidence_of
from gluon_gru.runs.checkpoint import make_folder, write_whole
from gluon_gru.runs.environment import environment
from gluon_gru.studies.reproduce import ENGINES, QUICK_EPOCHS, report
from gluon_gru.text import corpus as corpora
from gluon_gru.text.minibatches import SeqDataLoader
from gluon_gru.text.vocabulary import load_corpus
from gluon_gru.training.device import context
from gluon_gru.training.generation import predict_ch8
from gluon_gru.training.loop import History, set_seed, train


class Model(typing.NamedTuple):
    """A model that protocols name: its name in reports, and ``make(protocol, vocab_size, ctx)``."""

    name: str
    make: typing.Callable


def _scratch(name, cell, forward_fn=None):
    """Return a `Model` from scratch by its cell's name in `gluon_gru.models`.

    With ``forward_fn``, that runs the cell instead of the function of its name.
    """
    functions = [
        getattr(models, f"get_{cell}_params"),
        getattr(models, f"init_{cell}_state"),
        forward_fn or getattr(models, cell),
    ]
    return Model(
        name,
        lambda protocol, vocab_size, ctx: models.RNNModelScratch(
            vocab_size, protocol.num_hiddens, ctx, *functions
        ),
    )


def _concise(name, layer):
    return Model(
        name,
        lambda protocol, vocab_size, ctx: models.RNNModel(layer(protocol.num_hiddens), vocab_size),
    )


#: By the name that `gluon_gru.published.claims.Protocol.model` holds.
MODELS = {
    "gru-scratch": _scratch("GRU from scratch", "gru"),
    "gru-concise": _concise("GRU concise (rnn.GRU)", rnn.GRU),
    "rnn-scratch": _scratch("RNN from scratch", "rnn"),
    # rnn.RNN's own default, which the book uses, is ReLU; its RNN from scratch has tanh.
    "rnn-concise": _concise("RNN concise (rnn.RNN)", rnn.RNN),
    "rnn-tanh-concise": _concise(
        'RNN concise (rnn.RNN, "tanh")', lambda num_hiddens: rnn.RNN(num_hiddens, activation="tanh")
    ),
    "lstm-scratch": _scratch("LSTM from scratch", "lstm"),
    "lstm-concise": _concise("LSTM concise (rnn.LSTM)", rnn.LSTM),
    "reset-only-scratch": _scratch("GRU with only a reset gate, from scratch", "reset_only"),
    "update-only-scratch": _scratch("GRU with only an update gate, from scratch", "update_only"),
    "gru-fused": _scratch("GRU from scratch, on the engine (fused.gru)", "gru", fused.gru),
    "gru-concise-fused": _concise("GRU concise, on the engine (fused.GRU)", fused.GRU),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """A training run that claims need.

    Attributes:
        protocol: of the longest-trained of them.
        stops: the epochs after which a claim looks at it; the last one ends it.
    """

    protocol: Protocol
    stops: typing.Tuple[int, ...]


def plan(claims, quick=False):
    """Return the runs that ``claims`` need, a list of `Run`; ``quick`` cuts their epochs.

    A run stops where any claim looks at its protocol on the way, not only those asked for: they
    can be asked for later.
    """

    def epochs(claims):
        found = {}
        for claim in claims:
            for protocol in filter(None, (claim.protocol, claim.baseline)):
                found.setdefault(dataclasses.replace(protocol, num_epochs=0), set()).add(
                    min(protocol.num_epochs, QUICK_EPOCHS) if quick else protocol.num_epochs
                )
        return found

    anywhere = epochs([*CLAIMS, *claims])
    return [
        Run(
            dataclasses.replace(protocol, num_epochs=max(needed)),
            tuple(sorted(stop for stop in anywhere[protocol] if stop <= max(needed))),
        )
        for protocol, needed in epochs(claims).items()
    ]


def measure(run, seed, ctx, source, checkpoint=None, description=None):
    """Train a run from a seed; return its `gluon_gru.History`.

    Args:
        run: a `Run`.
        seed: of the weights and of the minibatches' offsets.
        ctx: the ``mxnet.Context``.
        source: ``(tokens, vocab)``.
        checkpoint: see `gluon_gru.train`; a finished one is only read.
        description: of the progress bar.

    Raises:
        InputError, TrainingDiverged: see `gluon_gru.train`.
    """
    protocol, (_, vocab) = run.protocol, source
    set_seed(seed)
    train_iter = SeqDataLoader(
        protocol.batch_size,
        protocol.num_steps,
        protocol.use_random_iter,
        protocol.max_tokens,
        source,
        random.Random(seed),
    )
    model = MODELS[protocol.model].make(protocol, len(vocab), ctx)

    def on_epoch(epoch, history):
        if epoch in run.stops:
            history.continuations[str(epoch)] = [
                predict_ch8(prefix, protocol.num_predicts, model, vocab, ctx)
                for prefix in protocol.prefixes
            ]

    return train(
        model,
        train_iter,
        vocab,
        protocol.lr,
        protocol.num_epochs,
        ctx,
        protocol.use_random_iter,
        checkpoint,
        {"seed": seed},
        on_epoch,
        description,
    )


def _claims_of(groups, engines=ENGINES[:1]):
    unknown = [group for group in groups if group not in GROUPS]
    if unknown or not groups:
        raise InputError(
            f"claims {', '.join(unknown) or '(none)'}: choose from {', '.join(GROUPS)}"
        )
    if not engines or set(engines) - set(ENGINES):
        raise InputError(
            f"engine {', '.join(engines) or '(none)'}: choose from {', '.join(ENGINES)}"
        )
    claims = [claim for claim in CLAIMS if claim.group in groups]
    return [
        *(claims if "mxnet" in engines else ()),
        *(on_engine(claims) if "fused" in engines else ()),
    ]


def _check_engine(ctx):
    """Raise InputError if fused models would not run on the engine, which their rows speak of."""
    found = engine.info()
    if found["engine"] == "off":
        raise InputError(f"engine fused can't be measured: {found['why']}")
    if ctx.device_type != "cpu":
        raise InputError(
            f"engine fused can't be measured on {ctx}: it is for CPUs; add --device cpu"
        )


def _open_folder(out, resume):
    """Make the folder for results and check, before anything is trained, that it can be used.

    Returns:
        What its ``results.json`` holds; an empty dict if there is none.
    """
    path = out / "results.json"
    if not resume and ((out / "checkpoints").exists() or path.exists()):
        raise InputError(
            f"{str(out)!r} holds a run already: add --resume to go on with it, or "
            "give another folder with --out"
        )
    make_folder(out / "checkpoints")
    if not path.exists():
        return {}
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        if not {"invocations", "corpus", "runs", "verdicts"} <= set(recorded):
            raise ValueError("no record of a reproduction")
        recorded["verdicts"] = list(map(verdict_recorded, recorded["verdicts"]))
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise InputError(
            f"{str(path)!r} can't be read ({error}): give another folder with --out"
        ) from error
    return recorded


def _check_continues(recorded, out, claims, runs, found, ctx):
    """Raise InputError if going on would drop or mix what a ``results.json`` records."""
    groups = {claim.group for claim in claims}
    recorded_groups = {verdict["claim"].split("/")[0] for verdict in recorded["verdicts"]}
    planned = {(run.protocol.model, seed): run.protocol.num_epochs for run, seed in runs}
    epochs = {(run["model"], run["seed"]): len(run["perplexity"]) for run in recorded["runs"]}
    differences = [
        *(f"the claims {group}" for group in sorted(recorded_groups - groups)),
        *(
            f"{done} epochs of {model}, seed {seed}"
            for (model, seed), done in epochs.items()
            if done > planned.get((model, seed), 0)
        ),
        *(
            [f"the corpus {recorded['corpus']['name']}"]
            if recorded["corpus"]["sha1"] != found.sha1
            else []
        ),
        *(
            f"the device {device}"
            for device in sorted(
                {made["environment"]["device"] for made in recorded["invocations"]} - {str(ctx)}
            )
        ),
    ]
    if differences:
        raise InputError(
            f"{str(out)!r} records {', '.join(differences)}, which this command does "
            "not ask for: ask for it too, or give another folder with --out"
        )


def reproduce(
    out,
    groups=GROUPS,
    num_seeds=1,
    device="auto",
    corpus=None,
    quick=False,
    resume=False,
    command="",
    engines=ENGINES[:1],
):
    """Measure what the claims need and judge them; write everything into a folder.

    The folder gets ``results.json``, ``report.md`` and pictures, anew after every run, and
    ``checkpoints/``, from which an interrupted reproduction goes on.

    Args:
        out: the folder.
        groups: which claims, of `gluon_gru.published.claims.GROUPS`.
        num_seeds: every run is made with the seeds 1 to num_seeds.
        device: ``auto``, ``cpu``, ``gpu(0)``, ...
        corpus: a path; by default see `gluon_gru.text.corpus.find`.
        quick: train for `QUICK_EPOCHS` at most; verdicts then say "cut short".
        resume: go on with the reproduction that the folder holds, if any.
        command: the command line, for the record.
        engines: which of `ENGINES` train; the native engine's measurements are rows of their own.

    Returns:
        What ``results.json`` holds.

    Raises:
        InputError: for arguments that can't be used; before anything is trained.
        TrainingDiverged: when a loss is no longer finite.
    """
    check_positive("seeds", num_seeds)
    out, claims, ctx = pathlib.Path(out), _claims_of(groups, engines), context(device)
    if "fused" in engines:
        _check_engine(ctx)
    found = corpora.find(corpus)
    source = load_corpus(found)
    seeds = range(1, num_seeds + 1)
    runs = [(run, seed) for seed in seeds for run in plan(claims, quick)]
    for run, _ in runs:
        SeqDataLoader(run.protocol.batch_size, run.protocol.num_steps, source=source)
    recorded = _open_folder(out, resume)
    if recorded:
        _check_continues(recorded, out, claims, runs, found, ctx)
    # Now, not when it is written: the checkout may change while this trains.
    invocations = recorded.get("invocations", []) + [
        {"command": command, "environment": environment(ctx)}
    ]
    measured = dict(map(read_training, recorded.get("runs", [])))
    say(corpus_line(found))

    def record():
        results = _results(claims, measured, found, source, seeds, invocations)
        write_whole(out / "results.json", json.dumps(results, indent=1).encode())
        return results

    record()
    for number, (run, seed) in enumerate(runs, 1):
        title = f"[{number}/{len(runs)}] {MODELS[run.protocol.model].name}, seed {seed}"
        last = measured[run.protocol.model, seed] = measure(
            run,
            seed,
            ctx,
            source,
            out / "checkpoints" / f"{run.protocol.model}-seed{seed}.safetensors",
            title,
        )
        say(
            f"{title}: perplexity {last.perplexity[-1]:.3f} after {len(last.perplexity)} epochs, "
            f"{last.tokens_per_sec[-1]:,.0f} tokens/sec on {ctx}"
        )
        results = record()
        report.write(results, out)
    return results


def read_training(recorded):
    """Return a recorded training, a dict, as ``((model, seed), History)``.

    Raises:
        KeyError, TypeError: if it is none.
    """
    history = dict(recorded)
    return (history.pop("model"), history.pop("seed")), History(**history)


def record_training(model, seed, history):
    """Return a training as `read_training` reads it."""
    return {"model": model, "seed": seed, **dataclasses.asdict(history)}


def _results(claims, measured, found, source, seeds, invocations):
    """Judge the claims by what has been measured so far; return what ``results.json`` holds."""
    tokens, vocab = source
    on_gpu = invocations[-1]["environment"]["device"].startswith("gpu")
    histories = {}
    for (model, _), history in measured.items():
        histories.setdefault(model, []).append(history)
    texts = {
        n: "".join(vocab.to_tokens(tokens[:n]))
        for n in {claim.protocol.max_tokens for claim in claims}
    }
    return {
        "invocations": invocations,
        "corpus": {
            "name": found.name,
            "sha1": found.sha1,
            "is_books": found.is_books,
            "note": found.note,
        },
        "seeds": list(seeds),
        "models": {model: MODELS[model].name for model in histories},
        "runs": [record_training(*key, history) for key, history in measured.items()],
        "verdicts": [
            dataclasses.asdict(
                judge(
                    claim,
                    evidence_of(
                        claim, histories, texts[claim.protocol.max_tokens], found.is_books, on_gpu
                    ),
                )
            )
            for claim in claims
        ],
    }


def say(line):
    """Tell the user something while a long run goes on."""
    print(line, file=sys.stderr, flush=True)


def corpus_line(found):
    """Return what to tell the user of the `gluon_gru.text.corpus.Corpus` that is read."""
    if found.is_books:
        return f"Corpus: {found.name}, byte for byte the book's (SHA-1 {found.sha1})"
    note = f" {found.note}" if found.note else ""
    return (
        f"CORPUS: {found.name} (SHA-1 {found.sha1}), NOT the book's: nothing will be "
        f"comparable with the published numbers.{note}"
    )
