"""A page of every kind, with markup in every text that comes from outside."""

import copy
import pathlib

import gluon_gru as d2l
from benchmarks import report as benchmark_report
from gluon_gru.gates import inspection as gates_of
from gluon_gru.gates.look import look
from gluon_gru.gates.walk import walk
from gluon_gru.published.claims import CLAIMS
from gluon_gru.report.page import page
from gluon_gru.report.pictures import pictures
from gluon_gru.runs import record
from gluon_gru.runs.checkpoint import Checkpoint
from gluon_gru.runs.restore import restore
from gluon_gru.studies.exercises import answering
from gluon_gru.studies.exercises import report as exercises_report
from gluon_gru.studies.reproduce import report
from gluon_gru.studies.reproduce import study as experiments
from gluon_gru.studies.sweep import report as sweep_report
from gluon_gru.text.corpus import SAMPLE

RESULTS = pathlib.Path(__file__).parents[2] / "results"

#: What would be an image and a dialog, if it got into a page as it is.
EVIL = "</script><img src=x onerror=alert(1)>'\"`&lt;"

#: A text of a vocabulary with markup in it; two lines, so that lines can be moved between.
TEXT = EVIL + " " + "so it went on and on, from here to there\n" * 4


def checkpoint(path, text=TEXT, layers=1, case="keep"):
    """Write the checkpoint of an untrained GRU that knows a text's characters; return its path."""
    vocab = d2l.Vocab(list(text))
    d2l.set_seed(3)
    model = d2l.RNNModel(d2l.models.fused.GRUResetBefore(70, layers), len(vocab))
    model.initialize(init="uniform")
    d2l.predict_ch8(text[0], 1, model, vocab, d2l.try_gpu())
    params = {
        name: 20 * param.data().asnumpy()
        for name, param in model._collect_params_with_prefix().items()
    }
    Checkpoint(
        params,
        {**model.config(), "text": {"tokens": "characters", "case": case}},
        list(vocab.idx_to_token),
        1,
        {"perplexity": [9.0]},
        [3, [0] * 625, None],
    ).save(path)
    return path


def make(folder):
    """Make the pages in a folder; return kind -> path, and the gates that the one of them shows."""
    seen = look(
        folder / "gates",
        {EVIL: checkpoint(folder / "gru.safetensors")},
        TEXT,
        command=f"gluon-gru gates {EVIL}",
    )
    gates = gates_of.inspect(*restore(folder / "gru.safetensors"), TEXT)
    assert seen.walks == [walk(EVIL, gates)]
    pages = {"gates": folder / "gates" / "report.html"}
    for kind, document in {
        "reproduce": report.document(_reproduced(folder / "reproduce")),
        "sweep": sweep_report.document(_swept()),
        "exercises": exercises_report.document(_answered(seen.walks), RESULTS / "exercises-cpu"),
        "benchmark": benchmark_report.document(_measured("benchmark-cpu")),
        "shapes": benchmark_report.document(_measured("benchmark-shapes-cpu")),
    }.items():
        pages[kind] = folder / f"{kind}.html"
        pages[kind].write_bytes(page(document, pictures(document.unfolded)))
    return pages, gates


def _reproduced(folder):
    """Return the results of a reproduction that takes seconds; ``experiments.CLAIMS`` is cut."""
    assert experiments.CLAIMS is not CLAIMS
    results = copy.deepcopy(
        experiments.reproduce(folder, num_seeds=2, device="cpu", corpus=SAMPLE, command=EVIL)
    )
    _poison(results, results["invocations"][0])
    for verdict in results["verdicts"]:
        if "texts" in verdict["figures"]:
            verdict["figures"]["texts"][0] = EVIL
            verdict["figures"]["spans"][0][1] = [[9, 20]]
    results["models"]["gru-scratch"] = EVIL
    return results


def _swept():
    results = record.read(RESULTS / "exercises-cpu" / "sweep" / "record.json").as_json()
    _poison(results, results["invocations"][0])
    for trial in results["trials"]:
        trial["continuation"], trial["worker"] = EVIL, EVIL
    results["trials"][1]["state"] = "lost"
    return results


def _answered(walks):
    answers = answering.recorded(RESULTS / "exercises-cpu")
    for answer in answers.values():
        _poison(answer, answer["invocations"][0])
        answer["verdicts"][0]["evidence"] = EVIL
        for table in answer["tables"]:
            table["title"], table["headers"][0], table["rows"][0][0] = EVIL, EVIL, EVIL
        for chart in answer["charts"]:
            chart["title"] = EVIL
            for labelled in (*chart.get("curves", ()), *chart.get("bars", ())):
                labelled["label"] = EVIL
    answers["gates"]["walks"] = walks
    return answers


def _measured(name):
    results = record.read(RESULTS / name / "benchmark.json").as_json()
    _poison(results, results["invocations"][0])
    results["left_out"][EVIL] = EVIL
    for contest in results["contests"]:
        contest["contestants"][EVIL] = contest["contestants"].pop(list(contest["contestants"])[-1])
    return results


def _poison(results, invocation):
    for name in {"corpus", "text"} & set(results):
        results[name].update(name=EVIL, note=EVIL, is_books=False)
    invocation["command"] = EVIL
    invocation["environment"].update(processor=EVIL, commit=EVIL)
