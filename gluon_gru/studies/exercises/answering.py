"""Running exercises and recording their answers in a folder, one file per exercise."""

from __future__ import annotations

import dataclasses
import pathlib
import typing

from gluon_gru.errors import InputError, check_positive
from gluon_gru.runs import record as records
from gluon_gru.runs.environment import environment
from gluon_gru.runs.files import StrPath, write_whole
from gluon_gru.runs.folder import Folder
from gluon_gru.runs.record import Record
from gluon_gru.studies.exercises import report
from gluon_gru.studies.exercises.catalogue import EXERCISES
from gluon_gru.studies.exercises.exercise import Answer, Context
from gluon_gru.studies.exercises.trained import TrainedModels, protocol, title
from gluon_gru.studies.reproduce.study import corpus_line, say
from gluon_gru.text import corpus as corpora
from gluon_gru.text.minibatches import SeqDataLoader

if typing.TYPE_CHECKING:
    from gluon_gru.gates.look import Look


def answer(
    out: StrPath,
    names: typing.Sequence[str] = tuple(EXERCISES),
    num_seeds: int = 1,
    device: str = "auto",
    corpus: StrPath | None = None,
    quick: bool = False,
    resume: bool = False,
    command: str = "",
) -> dict[str, dict]:
    """Answer exercises; write each answer into a folder, and one report over all that are there.

    The folder gets ``<exercise>.json``, pictures and the report; ``runs/`` with the record of every
    training, and ``checkpoints/``. Several processes may work on one folder: no training is made
    twice.

    Args:
        out: the folder.
        names: of `EXERCISES`.
        num_seeds: trainings are made with the seeds 1 to num_seeds.
        device: ``auto``, ``cpu``, ``gpu(0)``, ...
        corpus: a path; by default see `gluon_gru.text.corpus.find`.
        quick: cut trainings short; verdicts that rest on them then say so.
        resume: go on in a folder that holds answers or trainings already. What was answered there
            with the same number of seeds stays.
        command: the command line, for the record.

    Returns:
        name -> what ``<exercise>.json`` holds, for all that the folder holds.

    Raises:
        InputError: for arguments that can't be used, before anything is trained.
        TrainingDiverged: when a loss is no longer finite.
    """
    from gluon_gru.training.device import context as device_named
    from gluon_gru.training.loop import set_seed

    check_positive("seeds", num_seeds)
    unknown = [name for name in names if name not in EXERCISES]
    if unknown or not names:
        raise InputError(
            f"exercises {', '.join(unknown) or '(none)'}: choose from {', '.join(EXERCISES)}"
        )
    ctx, text = device_named(device), corpora.find(corpus)
    source = corpora.load_corpus(text)
    SeqDataLoader(
        protocol("gru-scratch").batch_size, protocol("gru-scratch").num_steps, source=source
    )
    for name in names:
        EXERCISES[name].check(source)
    folder = _folder(out, resume)
    record = Record(
        "exercise",
        {"device": str(ctx), "quick": quick},
        text.facts,
        # Now, not when it is written: the checkout may change meanwhile.
        [{"command": command, "environment": environment(ctx)}],
        {},
    )
    (made_by,) = record.invocations
    folder.begin(record.settings, record.text, command, made_by["environment"])
    say(corpus_line(text))
    trained = TrainedModels(folder.path, num_seeds, ctx, source, record.text, quick, made_by)
    context = Context(folder.path, text, source, ctx, trained, quick, made_by)
    for number, name in enumerate(names, 1):
        place = f"[{number}/{len(names)}] {name}"
        done = recorded(folder.path).get(name)
        if done and done["seeds"] == num_seeds:
            say(f"{place}: answered already ({folder.path / name}.json)")
            continue
        say(f"{place}: {EXERCISES[name].question}")
        set_seed(1)
        trained.used.clear()
        answered = EXERCISES[name].answer(context)
        results = {"seeds": num_seeds, "trainings": list(trained.used), **_as_json(answered)}
        for file, (_, picture) in answered.pictures.items():
            write_whole(folder.path / file, picture)
        dataclasses.replace(record, results=results).write(folder.path / f"{name}.json")
        report.write(recorded(folder.path), folder.path)
    return recorded(folder.path)


def _folder(out: StrPath, resume: bool) -> Folder:
    return Folder(out, "exercises", resume, ("runs", "checkpoints"))


def _as_json(answered: Answer) -> dict[str, typing.Any]:
    return {
        "verdicts": [dataclasses.asdict(verdict) for verdict in answered.verdicts],
        "tables": [
            {"title": table.title, "headers": table.headers, "rows": table.rows}
            for table in answered.tables
        ],
        "pictures": {file: caption for file, (caption, _) in answered.pictures.items()},
        "walks": answered.walks,
    }


def recorded(out: StrPath) -> dict[str, dict]:
    """Return name -> what ``<exercise>.json`` holds, for all exercises that a folder holds.

    Raises:
        InputError: if such a file can't be read.
    """
    paths = {name: pathlib.Path(out) / f"{name}.json" for name in EXERCISES}
    return {name: records.read(path).as_json() for name, path in paths.items() if path.exists()}


def look(
    out: StrPath,
    text: str | None = None,
    checkpoint: StrPath | None = None,
    device: str = "auto",
    corpus: StrPath | None = None,
    quick: bool = False,
    command: str = "",
) -> Look:
    """Look at the gates of trained GRUs over a text; see `gluon_gru.gates.look.look`.

    Args:
        out: the folder; what is in it already stays, but for an earlier look, in ``text/``.
        text: a string; by default one of our own.
        checkpoint: a file that `gluon_gru.train` wrote, of a GRU; by default the chapter's two
            GRUs, which are trained if the folder doesn't hold them.
        device, corpus, quick, command: see `answer`.

    Raises:
        InputError: for a text with no known character, a checkpoint of another kind of cell, and
            other arguments that can't be used, before anything is trained.
    """
    from gluon_gru.gates import look as looking
    from gluon_gru.studies.exercises.questions.gate_decisions import MODELS, TEXT
    from gluon_gru.training.device import context as device_named

    ctx, text = device_named(device), TEXT if text is None else text
    if checkpoint:
        models = {str(checkpoint): checkpoint}
    else:
        read = corpora.find(corpus)
        source = corpora.load_corpus(read)
        looking.as_the_model_reads(text, source[1])
        made_by: dict[str, typing.Any] = {"command": command, "environment": environment(ctx)}
        folder = _folder(out, resume=True)
        facts = read.facts
        folder.begin({"device": str(ctx), "quick": quick}, facts, command, made_by["environment"])
        say(corpus_line(read))
        trained = TrainedModels(folder.path, 1, ctx, source, facts, quick, made_by)
        models = {title(name): seeds[0].checkpoint for name, seeds in trained.get(MODELS).items()}
    return looking.look(pathlib.Path(out) / "text", models, text, ctx, command)
