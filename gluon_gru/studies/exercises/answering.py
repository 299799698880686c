"""Running exercises and recording their answers in a folder, a file each."""

import dataclasses
import json
import pathlib

from gluon_gru.errors import InputError, check_positive
from gluon_gru.runs.checkpoint import make_folder, write_whole
from gluon_gru.runs.environment import environment
from gluon_gru.studies.exercises import hyperparameters, inspection, report
from gluon_gru.studies.exercises.catalogue import EXERCISES
from gluon_gru.studies.exercises.inspection import MODELS, TEXT, as_the_model_reads
from gluon_gru.studies.exercises.setting import Setting
from gluon_gru.studies.exercises.trainings import PROTOCOLS, Trainings, title
from gluon_gru.studies.reproduce.study import corpus_line, say
from gluon_gru.text import corpus as corpora
from gluon_gru.text.corpus import load_corpus
from gluon_gru.text.minibatches import SeqDataLoader
from gluon_gru.training.device import context
from gluon_gru.training.loop import set_seed


def answer(
    out,
    names=tuple(EXERCISES),
    num_seeds=1,
    device="auto",
    corpus=None,
    quick=False,
    resume=False,
    command="",
):
    """Answer exercises; write each answer into a folder, and one report over all that are there.

    The folder gets ``<exercise>.json``, pictures and ``report.md``; ``runs/`` with the record of
    every training, and ``checkpoints/``. Several processes may work on one folder: no training is
    made twice.

    Args:
        out: the folder.
        names: of `gluon_gru.studies.exercises.catalogue.EXERCISES`.
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
    check_positive("seeds", num_seeds)
    unknown = [name for name in names if name not in EXERCISES]
    if unknown or not names:
        raise InputError(
            f"exercises {', '.join(unknown) or '(none)'}: choose from {', '.join(EXERCISES)}"
        )
    out, ctx, found = pathlib.Path(out), context(device), corpora.find(corpus)
    source = load_corpus(found)
    for protocol in PROTOCOLS.values():
        SeqDataLoader(protocol.batch_size, protocol.num_steps, source=source)
    if "hyperparameters" in names:
        hyperparameters.check(source)
    _open_folder(out, resume, found, ctx, quick)
    say(corpus_line(found))
    trainings = Trainings(out, num_seeds, ctx, source, found.sha1, quick, command)
    setting = Setting(out, found, source, ctx, trainings, quick, command)
    # Now, not when it is written: the checkout may change meanwhile.
    record = {
        "command": command,
        "environment": environment(ctx),
        "seeds": num_seeds,
        "quick": quick,
        "corpus": {
            "name": found.name,
            "sha1": found.sha1,
            "is_books": found.is_books,
            "note": found.note,
        },
    }
    for number, name in enumerate(names, 1):
        place = f"[{number}/{len(names)}] {name}"
        done = recorded(out).get(name)
        if done and done["record"]["seeds"] == num_seeds:
            say(f"{place}: answered already ({out / name}.json)")
            continue
        say(f"{place}: {EXERCISES[name].question}")
        set_seed(1)
        trainings.used.clear()
        _record(
            out,
            name,
            EXERCISES[name].answer(setting),
            {**record, "trainings": list(trainings.used)},
        )
        report.write(recorded(out), out)
    return recorded(out)


def look(out, text=None, checkpoint=None, device="auto", corpus=None, quick=False, command=""):
    """Look at the gates of trained GRUs over a text; see `look_at`, which writes into ``text/``.

    Args:
        out: the folder; what is in it already stays, but for an earlier look.
        text: a string; by default one of our own.
        checkpoint: a file that `gluon_gru.train` wrote, of a GRU; by default the chapter's two
            GRUs, which are trained if the folder doesn't hold them.
        device, corpus, quick, command: see `answer`.

    Returns:
        The `gluon_gru.studies.exercises.answers.Answer`, which has no findings.

    Raises:
        InputError: for a text with no known character, a checkpoint of another kind of cell, and
            other arguments that can't be used, before anything is trained.
    """
    out, ctx, text = pathlib.Path(out), context(device), TEXT if text is None else text
    if checkpoint:
        models = {str(checkpoint): checkpoint}
    else:
        found = corpora.find(corpus)
        source = load_corpus(found)
        as_the_model_reads(text, source[1])
        for folder in ("runs", "checkpoints"):
            make_folder(out / folder)
        say(corpus_line(found))
        trainings = Trainings(out, 1, ctx, source, found.sha1, quick, command)
        models = {title(name): runs[0].checkpoint for name, runs in trainings.get(MODELS).items()}
    return look_at(out / "text", models, text, ctx, command)


def look_at(folder, models, text, ctx, command=""):
    """Look at gates over a text; write ``report.md``, ``report.html`` and pictures into a folder.

    Args:
        folder: a `pathlib.Path`.
        models, text, ctx: see `gluon_gru.studies.exercises.inspection.look`.
        command: the command line, for the record.

    Returns:
        The `gluon_gru.studies.exercises.answers.Answer`, which has no findings.

    Raises:
        InputError: for a text with no known character, a checkpoint of another kind of cell, and a
            folder that can't be written to.
    """
    found = inspection.look(models, text, ctx)
    make_folder(folder)
    for file, (_, picture) in found.pictures.items():
        write_whole(folder / file, picture)
    write_whole(folder / "report.md", report.of_a_text(text, found, command).encode())
    write_whole(folder / "report.html", report.page_of_a_text(found, command))
    return found


def _open_folder(out, resume, found, ctx, quick):
    """Make the folder and check, before anything is trained, that it can be used."""
    if not resume and ((out / "runs").exists() or recorded(out)):
        raise InputError(
            f"{str(out)!r} holds answers or trainings already: add --resume to go on "
            "there, or give another folder with --out"
        )
    for folder in ("runs", "checkpoints"):
        make_folder(out / folder)
    for name, answer in recorded(out).items():
        made = answer["record"]
        differences = [
            f"the {what} {there}, not {here}"
            for what, there, here in (
                (
                    "corpus",
                    f"{made['corpus']['name']} (SHA-1 {made['corpus']['sha1']})",
                    f"{found.name} (SHA-1 {found.sha1})",
                ),
                ("device", made["environment"]["device"], str(ctx)),
                ("epochs", *("quick" if cut else "all" for cut in (made["quick"], quick))),
            )
            if there != here
        ]
        if differences:
            raise InputError(
                f"{str(out)!r} holds the exercise {name}, made with "
                f"{', '.join(differences)}: ask for the same, or give another folder "
                "with --out"
            )


def _record(out, name, answer, record):
    for file, (_, picture) in answer.pictures.items():
        write_whole(out / file, picture)
    write_whole(
        out / f"{name}.json",
        json.dumps(
            {
                "record": record,
                "findings": [dataclasses.asdict(finding) for finding in answer.findings],
                "tables": [dataclasses.asdict(table) for table in answer.tables],
                "pictures": {file: caption for file, (caption, _) in answer.pictures.items()},
                "walks": answer.walks,
            },
            indent=1,
        ).encode(),
    )


def recorded(out):
    """Return name -> what ``<exercise>.json`` holds, for all exercises that a folder holds.

    Raises:
        InputError: if such a file can't be read.
    """
    answers = {}
    for name in EXERCISES:
        path = pathlib.Path(out) / f"{name}.json"
        if path.exists():
            try:
                answers[name] = json.loads(path.read_text(encoding="utf-8"))
                if not {"record", "findings", "tables", "pictures"} <= set(answers[name]):
                    raise ValueError("no answer to an exercise")
            except (OSError, TypeError, ValueError) as error:
                raise InputError(
                    f"{str(path)!r} can't be read ({error}): delete it to answer "
                    "that exercise again"
                ) from error
    return answers
