"""From claims to measurements: which trainings they need, and running them.

A training serves every claim that has its protocol: the slides' numbers at an early epoch are read
off the chapter's longer training. What is done comes in stages, each with its verdicts: the first
number within a minute, then all of them on the engine, then on MXNet's operators.
"""

from __future__ import annotations

import dataclasses
import functools
import random
import sys
from typing import TYPE_CHECKING, Any, Container, Iterable, NamedTuple, Sequence

from gluon_gru import engine
from gluon_gru.engine.native import cores
from gluon_gru.errors import InputError, check_positive
from gluon_gru.published.claims import (
    CLAIMS,
    DEFAULT_ORIGINS,
    SCRATCH,
    Claim,
    Protocol,
    on_engine,
    select,
)
from gluon_gru.published.judging import judge
from gluon_gru.published.trainings import evidence_of
from gluon_gru.report import write
from gluon_gru.runs.files import StrPath
from gluon_gru.runs.folder import Folder
from gluon_gru.runs.record import Record
from gluon_gru.studies import jobs
from gluon_gru.studies.reproduce import ENGINES, FIRST, MAX_SEEDS, QUICK_EPOCHS, learning, report
from gluon_gru.studies.reproduce.models import MODELS
from gluon_gru.text import corpus as corpora
from gluon_gru.text.corpus import load_corpus
from gluon_gru.text.editions import DEFAULT, UNNAMED
from gluon_gru.text.minibatches import SeqDataLoader

if TYPE_CHECKING:
    import mxnet as mx

    from gluon_gru.training.loop import History

#: A probe trains twice on so many minibatches, of which the second time counts.
_PROBE = 3


@dataclasses.dataclass(frozen=True)
class Run:
    """A training run that claims need.

    Attributes:
        protocol: of the longest-trained of them.
        stops: the epochs after which a claim looks at it; the last one ends it.
        kept: the epochs after which the model is kept in a file of its own.
    """

    protocol: Protocol
    stops: tuple[int, ...]
    kept: tuple[int, ...] = ()


class Key(NamedTuple):
    """What trainings are told apart by: model, edition of the text, seed."""

    model: str
    edition: str
    seed: int

    @property
    def checkpoint(self) -> str:
        """The name of its checkpoint."""
        edition = "" if self.edition == DEFAULT else f"-{self.edition}"
        return f"{self.model}{edition}-seed{self.seed}.safetensors"


def plan(claims: Sequence[Claim], quick: bool = False) -> list[Run]:
    """Return the runs that ``claims`` need; ``quick`` cuts their epochs.

    A run stops where any claim looks at its protocol on the way, not only those asked for: they
    can be asked for later. One that another goes on with comes before it.
    """

    def epochs(claims: Iterable[Claim]) -> dict[Protocol, set[int]]:
        needed: dict[Protocol, set[int]] = {}
        for claim in claims:
            for protocol in filter(None, (claim.protocol, claim.baseline)):
                for one in filter(None, (protocol.after, protocol)):
                    needed.setdefault(dataclasses.replace(one, num_epochs=0), set()).add(
                        min(one.num_epochs, QUICK_EPOCHS) if quick else one.num_epochs
                    )
        return needed

    anywhere = epochs([*CLAIMS, *on_engine(CLAIMS), *claims])
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
    start: StrPath | None = None,
    progress: bool | None = None,
) -> History:
    """Train a run from a seed; return its `gluon_gru.History`.

    Args:
        run: a `Run`.
        seed: of the weights and of the minibatches' offsets.
        ctx: the ``mxnet.Context``.
        source: ``(tokens, vocab)``.
        checkpoint: see `gluon_gru.train`; a finished one is only read. Beside it are the files of
            the run's ``kept``.
        description, progress: of the progress bar, see there.
        start: the checkpoint of the trained model that the run goes on with.

    Raises:
        InputError, TrainingDiverged: see `gluon_gru.train`.
    """
    from gluon_gru.models.parameters import params_of, set_params
    from gluon_gru.runs.checkpoint import Checkpoint, load
    from gluon_gru.training.generation import predict_ch8
    from gluon_gru.training.loop import set_seed, train

    protocol, (_, vocab) = run.protocol, source
    set_seed(seed)
    train_iter = _loader(protocol, source, random.Random(seed))
    model = MODELS[protocol.model].make(protocol, len(vocab), ctx)
    if start is not None:
        set_params(model, load(start).params)

    def on_epoch(epoch: int, history: History) -> None:
        if epoch in run.stops:
            history.continuations[str(epoch)] = [
                predict_ch8(prefix, protocol.num_predicts, model, vocab, ctx)
                for prefix in protocol.prefixes
            ]
        # This comes before the training's own state is saved, so a training that goes on after this
        # epoch has left the file.
        if checkpoint is not None and epoch in run.kept:
            facts = {**model.config(), "edition": vocab.edition}
            Checkpoint(params_of(model), facts, list(vocab.idx_to_token)).save(
                learning.kept(checkpoint, epoch)
            )

    return train(
        model,
        train_iter,
        vocab,
        protocol.lr,
        protocol.num_epochs,
        ctx,
        protocol.use_random_iter or protocol.cold,
        checkpoint,
        {"seed": seed},
        on_epoch,
        description,
        progress,
    )


def _loader(protocol: Protocol, source: tuple[Any, Any], rng: random.Random) -> SeqDataLoader:
    return SeqDataLoader(
        protocol.batch_size,
        protocol.num_steps,
        protocol.use_random_iter,
        protocol.max_tokens,
        source,
        rng,
    )


def reproduce(
    out: StrPath,
    claims: Sequence[str] = DEFAULT_ORIGINS,
    num_seeds: int = 1,
    device: str = "auto",
    corpus: StrPath | None = None,
    quick: bool = False,
    resume: bool = False,
    command: str = "",
    engines: Sequence[str] | None = ENGINES[:1],
    workers: int | None = 1,
    cluster: str | None = None,
) -> dict[str, Any]:
    """Measure what the claims need and judge them; write everything into a folder.

    The folder gets ``record.json``, ``report.md``, ``report.html`` and pictures, anew after every
    training, and ``checkpoints/``, from which an interrupted reproduction goes on. If the chapter's
    GRU from scratch is among the models, it also gets the page of
    `gluon_gru.studies.reproduce.learning`.

    Args:
        out: the folder.
        claims: which: see `gluon_gru.published.claims.select`.
        num_seeds: every run is made with the seeds 1 to num_seeds.
        device: ``auto``, ``cpu``, ``gpu(0)``, ...
        corpus: a path; by default see `gluon_gru.text.corpus.find`.
        quick: train for `QUICK_EPOCHS` at most; verdicts then say "cut short".
        resume: go on with the reproduction that the folder holds, if any.
        command: the command line, for the record.
        engines: which of `ENGINES` train, the native engine first, in rows of its own. None stands
            for all that make sense: without the book's text, the engine alone.
        workers: see `gluon_gru.studies.jobs.run`; None stands for one per core.
        cluster: see there; its machines must have the folder and the text at the same paths.

    Returns:
        What ``record.json`` holds: beside a record's fields ``seeds``, ``models``, ``runs`` and
        ``verdicts``.

    Raises:
        InputError: for arguments that can't be used; before anything is trained.
        TrainingDiverged: when a loss is no longer finite.
    """
    from gluon_gru.training.device import context

    check_positive("seeds", num_seeds)
    workers = cores() if workers is None else workers
    jobs.check(workers, cluster)
    if num_seeds > MAX_SEEDS:
        raise InputError(
            f"seeds is {num_seeds}: it must be at most {MAX_SEEDS}, more than any protocol was "
            "published with"
        )
    wanted, ctx, text = select(claims, CLAIMS), context(device), corpora.find(corpus)
    stages = _stages(wanted, _engines(engines, ctx, text))
    # What the claims are about comes first in the report, though last in time.
    judged = [claim for stage in stages[::-1] if stage.title != FIRST for claim in stage.claims]
    if not judged:
        raise InputError(
            f"claims {', '.join(claims)} compare two ways to write a model in MXNet, which the "
            "engine alone can't: add --engine mxnet"
        )
    sources = {
        edition: load_corpus(text, edition=edition)
        for edition in sorted({claim.protocol.edition for claim in judged if claim.protocol})
    }
    planned = {
        Key(*run.protocol.key, seed): run
        for seed in range(1, num_seeds + 1)
        for run in plan(judged, quick)
    }
    shown = _shown(planned)
    for run in planned.values():
        _loader(run.protocol, sources[run.protocol.edition], random.Random(0))
    folder = Folder(out, "reproduce", resume, ["checkpoints"])
    record = folder.begin(
        {"device": str(ctx)},
        text.facts,
        command,
        # Now, not when it is written: the checkout may change while this trains.
        jobs.environment(str(ctx), workers, cluster),
        _not_asked_for(folder.record, judged, planned),
    )
    measured = dict(map(read_training, record.results.get("runs", ())))
    say(corpus_line(text))

    def write_report() -> None:
        write(report.document(record.as_json(), folder.path), folder.path)

    def write_page() -> None:
        if shown in measured:
            checkpoint = folder.path / "checkpoints" / shown.checkpoint
            learning.write_page(folder.path, checkpoint, _kept(planned[shown]))

    def write_record() -> None:
        # In the order of the plan, whichever worker was first.
        done = {key: measured[key] for key in planned if key in measured}
        record.results = _results(judged, done, text, sources, num_seeds, ctx)
        folder.write()

    def keep(job: jobs.Job, result: dict[str, Any]) -> None:
        key, last = read_training(result)
        measured[key] = last
        say(
            f"  {key.model}, seed {key.seed}: perplexity {last.perplexity[-1]:.3f}, "
            f"{last.tokens_per_sec[-1]:,.0f} tokens/sec"
        )
        write_record()
        if key == shown:
            write_page()
        write_report()

    write_record()
    # Of a training that an earlier command finished; of others, when they are. It takes a while without
    # the engine.
    write_page()
    for stage in stages:
        runs = plan(stage.claims, quick)
        seeds = range(1, (1 if stage.title == FIRST else num_seeds) + 1)
        waiting = [
            (key, run)
            for seed in seeds
            for run in runs
            for key in [Key(*run.protocol.key, seed)]
            if key not in measured or len(measured[key]) < run.protocol.num_epochs
        ]
        if waiting:
            say(f"{stage.title}: {_estimate(waiting, measured, sources, ctx)}")
        # Those that go on with another's model, after these.
        for later in (False, True):
            part = [one for one in waiting if bool(one[1].protocol.after) == later]
            todo = [
                jobs.Job(
                    train_one,
                    (
                        dataclasses.replace(run, kept=_kept(run)) if key == shown else run,
                        key,
                        str(ctx),
                        str(text.path.resolve()),
                        str((folder.path / "checkpoints").resolve()),
                        f"[{number}/{len(part)}] {MODELS[key.model].name}, seed {key.seed}",
                        min(workers, len(part)) == 1 and not cluster,
                    ),
                )
                for number, (key, run) in enumerate(part, 1)
            ]
            if todo:
                jobs.run(todo, min(workers, len(todo)), cluster, keep, len(todo))
        say(report.lines(record.as_json(), {claim.id for claim in stage.claims}))
    # A folder that was finished already has its report drawn by today's version.
    write_report()
    return record.as_json()


def _shown(planned: Container[Key]) -> Key | None:
    """Return the training that the page shows, if any: the chapter's, of the first seed."""
    keys = [Key(model, SCRATCH.edition, 1) for model in learning.SHOWN]
    return next((key for key in keys if key in planned), None)


def _kept(run: Run) -> tuple[int, ...]:
    """Return the epochs of the page: the first one, and where claims look at the training."""
    return tuple(sorted({1, *run.stops}))


class _Stage(NamedTuple):
    title: str
    claims: Sequence[Claim]


def _engines(engines: Sequence[str] | None, ctx: mx.Context, text: corpora.Corpus) -> Sequence[str]:
    """Return which of `ENGINES` train."""
    if engines is not None:
        if not engines or set(engines) - set(ENGINES):
            raise InputError(
                f"engine {', '.join(engines) or '(none)'}: choose from {', '.join(ENGINES)}"
            )
        if "fused" in engines and _why_not_on_engine(ctx):
            raise InputError(f"engine fused can't be measured: {_why_not_on_engine(ctx)}")
        return engines
    if _why_not_on_engine(ctx):
        say(f"On MXNet's operators alone: {_why_not_on_engine(ctx)}")
        return ["mxnet"]
    if text.note:
        say(
            "On the engine alone, since nothing is comparable without the book's text; "
            "--engine mxnet trains on MXNet's operators all the same"
        )
        return ["fused"]
    return ENGINES


def _why_not_on_engine(ctx: mx.Context) -> str:
    """Return why fused models would not run on the engine, which their rows speak of."""
    facts = engine.info()
    if facts["engine"] == "off":
        return str(facts["why"])
    if ctx.device_type != "cpu":
        return f"on {ctx} the engine doesn't run, since it is for CPUs; add --device cpu"
    return ""


def _stages(claims: Sequence[Claim], engines: Sequence[str]) -> list[_Stage]:
    stages = []
    if "fused" in engines:
        first = [claim for claim in claims if claim.group == "slides-scratch"]
        if first:
            stages.append(_Stage(FIRST, on_engine(first)))
        stages.append(_Stage("On the engine", on_engine(claims)))
    if "mxnet" in engines:
        stages.append(_Stage("On MXNet's operators, the book's own way", claims))
    return stages


def _estimate(
    waiting: Sequence[tuple[Key, Run]],
    measured: dict[Key, History],
    sources: dict[str, tuple[Any, Any]],
    ctx: mx.Context,
) -> str:
    """Return how many trainings there are, and how long they will take here, by a short probe."""
    pace: dict[str, float] = {}
    seconds = 0.0
    for key, run in waiting:
        if key.model not in pace:
            pace[key.model] = _seconds_per_epoch(run.protocol, sources[key.edition], ctx)
        done = len(measured.get(key, ()))
        seconds += pace[key.model] * (run.protocol.num_epochs - done)
    number = f"{len(waiting)} training{'s' if len(waiting) > 1 else ''}"
    if seconds < 90:
        return f"{number}, about {max(round(seconds), 1)} seconds here"
    return f"{number}, about {round(seconds / 60)} minutes here"


def _seconds_per_epoch(protocol: Protocol, source: tuple[Any, Any], ctx: mx.Context) -> float:
    from gluon_gru.training.loop import train

    model = MODELS[protocol.model].make(protocol, len(source[1]), ctx)
    minibatches = list(_loader(protocol, source, random.Random(0)))
    some = minibatches[:_PROBE]
    probe = train(model, some, source[1], protocol.lr, 2, ctx, progress=False)
    return probe.seconds[-1] / len(some) * len(minibatches)


def train_one(
    run: Run, key: Key, device: str, corpus: str, folder: str, description: str, progress: bool
) -> dict[str, Any]:
    """Train a run in whatever process this is; return what `record_training` does.

    Args:
        run, key: the run.
        device, corpus: see `reproduce`.
        folder: of the checkpoints.
        description: of the progress bar.
        progress: whether to show one, in a terminal.
    """
    from gluon_gru.training.device import context

    start = None
    if run.protocol.after:
        start = f"{folder}/{Key(*run.protocol.after.key, key.seed).checkpoint}"
    source = _source(corpus, key.edition)
    checkpoint = f"{folder}/{key.checkpoint}"
    history = measure(
        run,
        key.seed,
        context(device),
        source,
        checkpoint,
        description,
        start,
        None if progress else False,
    )
    return record_training(key, history)


@functools.lru_cache(maxsize=2)
def _source(corpus: str, edition: str) -> tuple[Any, Any]:
    return load_corpus(corpora.find(corpus), edition=edition)


def _not_asked_for(
    record: Record | None, claims: Sequence[Claim], planned: dict[Key, Run]
) -> list[str]:
    """Return what a record holds that going on would drop, as clauses."""
    results = record.results if record else {}
    groups = {verdict["claim"].split("/")[0] for verdict in results.get("verdicts", ())}
    epochs = {read_training(run)[0]: len(run["perplexity"]) for run in results.get("runs", ())}
    others = sorted({key.edition for key in epochs} - {key.edition for key in planned})
    return [
        *(f"it was trained on the edition {edition} of the text" for edition in others),
        *(f"it has the claims {group}" for group in sorted(groups - {c.group for c in claims})),
        *(
            f"it has {done} epochs of {key.model}, seed {key.seed}"
            for key, done in epochs.items()
            if key.edition not in others
            and done > (planned[key].protocol.num_epochs if key in planned else 0)
        ),
    ]


def read_training(recorded: dict[str, Any]) -> tuple[Key, History]:
    """Return a recorded training, a dict, as ``(key, History)``."""
    from gluon_gru.training.loop import History

    history = dict(recorded)
    key = Key(history.pop("model"), history.pop("edition", UNNAMED), history.pop("seed"))
    return key, History(**history)


def record_training(key: Key, history: History) -> dict[str, Any]:
    """Return a training as `read_training` reads it; rates and times in the digits that they have."""
    return {
        **key._asdict(),
        **dataclasses.asdict(history),
        "tokens_per_sec": [round(rate) for rate in history.tokens_per_sec],
        "seconds": [round(seconds, 4) for seconds in history.seconds],
    }


def _results(
    claims: Sequence[Claim],
    measured: dict[Key, History],
    text: corpora.Corpus,
    sources: dict[str, tuple[Any, Any]],
    num_seeds: int,
    ctx: mx.Context,
) -> dict[str, Any]:
    """Judge the claims by what has been measured so far; return the record's results."""
    on_gpu = ctx.device_type == "gpu"
    histories: dict[tuple[str, str], list[History]] = {}
    for key, history in measured.items():
        histories.setdefault((key.model, key.edition), []).append(history)

    @functools.lru_cache(maxsize=None)
    def trained_on(edition: str, max_tokens: int) -> str:
        tokens, vocab = sources[edition]
        return "".join(vocab.to_tokens(tokens[:max_tokens]))

    verdicts = [
        judge(
            claim,
            evidence_of(
                claim,
                histories,
                trained_on(claim.protocol.edition, claim.protocol.max_tokens),
                text.is_books,
                on_gpu,
            ),
        )
        for claim in claims
        if claim.protocol
    ]
    return {
        "seeds": list(range(1, num_seeds + 1)),
        "models": {key.model: MODELS[key.model].name for key in measured},
        "runs": [record_training(key, history) for key, history in measured.items()],
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
