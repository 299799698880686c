"""Running exercises and recording their answers in a folder, one file per exercise."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any, Callable, Iterable, Sequence

from gluon_gru.engine.native import cores
from gluon_gru.errors import InputError, check_positive
from gluon_gru.gates import look as gates
from gluon_gru.report import write
from gluon_gru.report.document import Table, as_json
from gluon_gru.runs import record as records
from gluon_gru.runs.files import StrPath
from gluon_gru.runs.folder import Folder
from gluon_gru.runs.record import Record
from gluon_gru.studies import jobs
from gluon_gru.studies.exercises import report
from gluon_gru.studies.exercises.catalogue import EXERCISES, STATEMENTS
from gluon_gru.studies.exercises.exercise import Context
from gluon_gru.studies.exercises.questions.gate_decisions import MODELS, TEXT
from gluon_gru.studies.exercises.trained import minibatches, title, train, trained
from gluon_gru.studies.reproduce.study import corpus_line, say
from gluon_gru.text import corpus as corpora


def answer(
    out: StrPath,
    names: Sequence[str] = tuple(EXERCISES),
    num_seeds: int = 1,
    device: str = "auto",
    corpus: StrPath | None = None,
    quick: bool = False,
    resume: bool = False,
    command: str = "",
    workers: int | None = 1,
    cluster: str | None = None,
) -> dict[str, dict]:
    """Answer exercises; write each answer into a folder, and one report over all that are there.

    The folder gets ``record.json`` with every training, ``<exercise>.json``, pictures and the report,
    and ``checkpoints/``.

    Args:
        out: the folder.
        names: of `EXERCISES`.
        num_seeds: every model is trained from the seeds 1 to num_seeds.
        device: ``auto``, ``cpu``, ``gpu(0)``, ...
        corpus: a path; by default see `gluon_gru.text.corpus.find`.
        quick: cut trainings short; verdicts that rest on them then say so.
        resume: continue in a folder that holds answers or trainings already. What was answered
            there with the same number of seeds stays.
        command: the command line, for the record.
        workers, cluster: where trainings run; see `gluon_gru.studies.jobs.run`. None stands for one
            worker per core.

    Returns:
        name -> what ``<exercise>.json`` holds, for all that the folder holds.

    Raises:
        InputError: for arguments that can't be used, before anything is trained.
        TrainingDiverged: when a loss is no longer finite.
    """
    from gluon_gru.training.loop import set_seed

    unknown = [name for name in names if name not in EXERCISES]
    if unknown or not names:
        raise InputError(
            f"exercises {', '.join(unknown) or '(none)'}: choose from {', '.join(EXERCISES)}"
        )
    checks = [EXERCISES[name].check for name in names]
    where = cores() if workers is None else workers, cluster
    context = _begin(out, num_seeds, device, corpus, quick, resume, command, where, checks)
    done = [name for name, one in recorded(context.out).items() if one["seeds"] == num_seeds]
    train([one for name in names if name not in done for one in EXERCISES[name].trains], context)
    for number, name in enumerate(names, 1):
        place = f"[{number}/{len(names)}] {name}"
        if name in done:
            say(f"{place}: answered already ({context.out / name}.json)")
            continue
        say(f"{place}: {EXERCISES[name].question}")
        set_seed(1)
        answered = EXERCISES[name].answer(context)
        results = {
            "seeds": num_seeds,
            "answer": answered.in_short,
            "verdicts": list(map(dataclasses.asdict, answered.verdicts)),
            "tables": tables_as_json(answered.tables),
            "charts": list(map(as_json, answered.charts)),
            "walks": answered.walks,
        }
        Record("exercise", context.settings, context.text_facts, [context.made_by], results).write(
            context.out / f"{name}.json"
        )
        write(report.document(recorded(context.out), context.out), context.out)
    return recorded(context.out)


def _begin(
    out: StrPath,
    num_seeds: int,
    device: str,
    corpus: StrPath | None,
    quick: bool,
    resume: bool,
    command: str,
    where: tuple[int, str | None],
    checks: Iterable[Callable[[tuple], Any]],
) -> Context:
    """Read the text, have it checked, make the folder, and return what exercises work with."""
    from gluon_gru.training.device import context as device_named

    check_positive("seeds", num_seeds)
    jobs.check(*where)
    ctx, text = device_named(device), corpora.find(corpus)
    source = corpora.load_corpus(text)
    minibatches("gru-scratch", source)
    for check in checks:
        check(source)
    # Now, not when it is written: the checkout may change meanwhile.
    made_by: dict[str, Any] = {
        "command": command,
        "environment": jobs.environment(str(ctx), *where),
    }
    folder = Folder(out, "exercises", resume, ["checkpoints"])
    context = Context(folder, text, source, ctx, num_seeds, quick, made_by, *where)
    folder.begin(context.settings, context.text_facts, **made_by)
    say(corpus_line(text))
    return context


def tables_as_json(tables: Iterable[Table]) -> list[dict[str, Any]]:
    """Return tables as records hold them."""
    return [{"title": one.title, "headers": one.headers, "rows": one.rows} for one in tables]


def recorded(out: StrPath) -> dict[str, dict]:
    """Return name -> what ``<exercise>.json`` holds, for all exercises that a folder holds.

    Raises:
        InputError: if such a file can't be read, or judges what is no statement.
    """
    paths = {name: pathlib.Path(out) / f"{name}.json" for name in EXERCISES}
    found = {name: records.read(path) for name, path in paths.items() if path.exists()}
    for name, record in found.items():
        judged = {verdict["claim"] for verdict in record.results.get("verdicts", ())}
        if record.kind != "exercise" or judged - set(STATEMENTS):
            raise InputError(
                f"{str(paths[name])!r} holds no answer to an exercise of this version: delete it, or "
                "give another folder"
            )
    return {name: record.as_json() for name, record in found.items()}


def look(
    out: StrPath,
    text: str | None = None,
    checkpoint: StrPath | None = None,
    device: str = "auto",
    corpus: StrPath | None = None,
    quick: bool = False,
    command: str = "",
) -> gates.Look:
    """Look at the gates of trained GRUs over a text; see `gluon_gru.gates.look.look`.

    Args:
        out: the folder; the look goes into its ``text/``, in place of an earlier one.
        text: a string; by default one of our own.
        checkpoint: a file that `gluon_gru.train` wrote, of a GRU; by default the chapter's two
            GRUs, which are trained if the folder doesn't hold them.
        device, corpus, quick, command: see `answer`.

    Raises:
        InputError: for a text with no known character, a checkpoint of another kind of cell, and
            other arguments that can't be used, before anything is trained.
    """
    text = TEXT if text is None else text
    models = {str(checkpoint): checkpoint}
    if not checkpoint:
        checks = [lambda source: gates.as_the_model_reads(text, source[1])]
        context = _begin(out, 1, device, corpus, quick, True, command, (1, None), checks)
        models = {
            title(name): seeds[0].checkpoint for name, seeds in trained(MODELS, context).items()
        }
    return gates.look(pathlib.Path(out) / "text", models, text, command=command)
