"""From claims to measurements: which runs they need, and running them.

A run serves every claim that has its protocol: the slides' numbers at an early epoch are read off
the chapter's longer run.
"""

from __future__ import annotations

import dataclasses
import random
import sys
from typing import TYPE_CHECKING, Any, Iterable, Sequence

from gluon_gru import engine
from gluon_gru.errors import InputError, check_positive
from gluon_gru.published.claims import CLAIMS, GROUPS, Claim, Protocol, on_engine
from gluon_gru.published.judging import judge
from gluon_gru.published.trainings import evidence_of
from gluon_gru.report import write
from gluon_gru.runs.environment import environment
from gluon_gru.runs.files import StrPath
from gluon_gru.runs.folder import Folder
from gluon_gru.runs.record import Record
from gluon_gru.studies.reproduce import ENGINES, QUICK_EPOCHS, report
from gluon_gru.studies.reproduce.models import MODELS
from gluon_gru.text import corpus as corpora
from gluon_gru.text.corpus import load_corpus
from gluon_gru.text.minibatches import SeqDataLoader

if TYPE_CHECKING:
    import mxnet as mx

    from gluon_gru.training.loop import History


@dataclasses.dataclass(frozen=True)
class Run:
    """A training run that claims need.

    Attributes:
        protocol: of the longest-trained of them.
        stops: the epochs after which a claim looks at it; the last one ends it.
    """

    protocol: Protocol
    stops: tuple[int, ...]


def plan(claims: Sequence[Claim], quick: bool = False) -> list[Run]:
    """Return the runs that ``claims`` need; ``quick`` cuts their epochs.

    A run stops where any claim looks at its protocol on the way, not only those asked for: they
    can be asked for later.
    """

    def epochs(claims: Iterable[Claim]) -> dict[Protocol, set[int]]:
        needed: dict[Protocol, set[int]] = {}
        for claim in claims:
            for protocol in filter(None, (claim.protocol, claim.baseline)):
                needed.setdefault(dataclasses.replace(protocol, num_epochs=0), set()).add(
                    min(protocol.num_epochs, QUICK_EPOCHS) if quick else protocol.num_epochs
                )
        return needed

    anywhere = epochs([*CLAIMS, *claims])
    return [
        Run(
            dataclasses.replace(protocol, num_epochs=max(needed)),
            tuple(sorted(stop for stop in anywhere[protocol] if stop <= max(needed))),
        )
        for protocol, needed in epochs(claims).items()
    ]


def measure(
    run: Run,
    seed: int,
    ctx: mx.Context,
    source: tuple[Any, Any],
    checkpoint: StrPath | None = None,
    description: str | None = None,
) -> History:
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
    from gluon_gru.training.generation import predict_ch8
    from gluon_gru.training.loop import set_seed, train

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

    def on_epoch(epoch: int, history: History) -> None:
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


def _claims_of(groups: Sequence[str], engines: Sequence[str] = ENGINES[:1]) -> list[Claim]:
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


def _check_engine(ctx: mx.Context) -> None:
    """Raise InputError if fused models would not run on the engine, which their rows speak of."""
    facts = engine.info()
    if facts["engine"] == "off":
        raise InputError(f"engine fused can't be measured: {facts['why']}")
    if ctx.device_type != "cpu":
        raise InputError(
            f"engine fused can't be measured on {ctx}: it is for CPUs; add --device cpu"
        )


def _not_asked_for(
    record: Record | None, claims: Sequence[Claim], runs: Sequence[tuple[Run, int]]
) -> list[str]:
    """Return what a record holds that going on would drop, as clauses."""
    results = record.results if record else {}
    groups = {verdict["claim"].split("/")[0] for verdict in results.get("verdicts", ())}
    planned = {(run.protocol.model, seed): run.protocol.num_epochs for run, seed in runs}
    epochs = {
        (run["model"], run["seed"]): len(run["perplexity"]) for run in results.get("runs", ())
    }
    return [
        *(f"it has the claims {group}" for group in sorted(groups - {c.group for c in claims})),
        *(
            f"it has {done} epochs of {model}, seed {seed}"
            for (model, seed), done in epochs.items()
            if done > planned.get((model, seed), 0)
        ),
    ]


def reproduce(
    out: StrPath,
    groups: Sequence[str] = GROUPS,
    num_seeds: int = 1,
    device: str = "auto",
    corpus: StrPath | None = None,
    quick: bool = False,
    resume: bool = False,
    command: str = "",
    engines: Sequence[str] = ENGINES[:1],
) -> dict[str, Any]:
    """Measure what the claims need and judge them; write everything into a folder.

    The folder gets ``record.json``, ``report.md`` and pictures, anew after every run, and
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
        What ``record.json`` holds: beside a record's fields ``seeds``, ``models``, ``runs`` and
        ``verdicts``.

    Raises:
        InputError: for arguments that can't be used; before anything is trained.
        TrainingDiverged: when a loss is no longer finite.
    """
    from gluon_gru.training.device import context

    check_positive("seeds", num_seeds)
    claims, ctx = _claims_of(groups, engines), context(device)
    if "fused" in engines:
        _check_engine(ctx)
    text = corpora.find(corpus)
    source = load_corpus(text)
    seeds = range(1, num_seeds + 1)
    runs = [(run, seed) for seed in seeds for run in plan(claims, quick)]
    for run, _ in runs:
        SeqDataLoader(run.protocol.batch_size, run.protocol.num_steps, source=source)
    folder = Folder(out, "reproduce", resume, ["checkpoints"])
    record = folder.begin(
        {"device": str(ctx)},
        text.facts,
        command,
        # Now, not when it is written: the checkout may change while this trains.
        environment(str(ctx)),
        _not_asked_for(folder.record, claims, runs),
    )
    measured = dict(map(read_training, record.results.get("runs", ())))
    say(corpus_line(text))

    def write_record() -> None:
        record.results = _results(claims, measured, text, source, seeds, ctx)
        folder.write()

    write_record()
    for number, (run, seed) in enumerate(runs, 1):
        model = run.protocol.model
        title = f"[{number}/{len(runs)}] {MODELS[model].name}, seed {seed}"
        checkpoint = folder.path / "checkpoints" / f"{model}-seed{seed}.safetensors"
        last = measured[model, seed] = measure(run, seed, ctx, source, checkpoint, title)
        say(
            f"{title}: perplexity {last.perplexity[-1]:.3f} after {len(last)} epochs, "
            f"{last.tokens_per_sec[-1]:,.0f} tokens/sec on {ctx}"
        )
        write_record()
        write(report.document(record.as_json()), folder.path)
    return record.as_json()


def read_training(recorded: dict[str, Any]) -> tuple[tuple[str, int], History]:
    """Return a recorded training, a dict, as ``((model, seed), History)``.

    Raises:
        KeyError, TypeError: if it is none.
    """
    from gluon_gru.training.loop import History

    history = dict(recorded)
    return (history.pop("model"), history.pop("seed")), History(**history)


def record_training(model: str, seed: int, history: History) -> dict[str, Any]:
    """Return a training as `read_training` reads it."""
    return {"model": model, "seed": seed, **dataclasses.asdict(history)}


def _results(
    claims: Sequence[Claim],
    measured: dict[tuple[str, int], History],
    text: corpora.Corpus,
    source: tuple[Any, Any],
    seeds: Iterable[int],
    ctx: mx.Context,
) -> dict[str, Any]:
    """Judge the claims by what has been measured so far; return the record's results."""
    tokens, vocab = source
    on_gpu = ctx.device_type == "gpu"
    histories: dict[str, list[History]] = {}
    for (model, _), history in measured.items():
        histories.setdefault(model, []).append(history)
    texts = {
        n: "".join(vocab.to_tokens(tokens[:n]))
        for n in {claim.protocol.max_tokens for claim in claims if claim.protocol}
    }
    verdicts = [
        judge(
            claim,
            evidence_of(claim, histories, texts[claim.protocol.max_tokens], text.is_books, on_gpu),
        )
        for claim in claims
        if claim.protocol
    ]
    return {
        "seeds": list(seeds),
        "models": {model: MODELS[model].name for model in histories},
        "runs": [record_training(*key, history) for key, history in measured.items()],
        "verdicts": list(map(dataclasses.asdict, verdicts)),
    }


def say(line: str) -> None:
    """Tell the user something while a long run goes on."""
    print(line, file=sys.stderr, flush=True)


def corpus_line(found: corpora.Corpus) -> str:
    """Return what to tell the user of the `gluon_gru.text.corpus.Corpus` that is read."""
    if found.is_books:
        return f"Corpus: {found.name}, byte for byte the book's (SHA-1 {found.sha1})"
    note = f" {found.note}" if found.note else ""
    return (
        f"CORPUS: {found.name} (SHA-1 {found.sha1}), NOT the book's: nothing will be "
        f"comparable with the published numbers.{note}"
    )
