"""Goals are met or missed, surely or not, and the report says so."""

import copy
import json
import pathlib

import pytest

from benchmarks import judging, own_texts, report
from benchmarks.catalogue import LIMIT, PEERS
from gluon_gru.report import terminal
from gluon_gru.report.document import Bars
from gluon_gru.report.markdown import markdown
from gluon_gru.runs import record

RESULTS = pathlib.Path(__file__).parents[2] / "results"


def entry(kind, *rates):
    return {"kind": kind, "cell": "gru_before", "rates": list(rates)}


def contest(goals, **further):
    return {
        "measure": "shapes",
        "task": "training",
        "cell": "gru",
        "num_hiddens": 128,
        "num_layers": 1,
        "batch_size": 32,
        "num_steps": 35,
        "dropout": 0,
        "vocab_size": 28,
        "words": False,
        "flop_per_token": 10,
        "goals": [{"over": over, "least": least} for over, least in goals],
        "contestants": {
            "engine": entry("engine", 8, 9, 9, 9, 10),
            "slow": entry("peer", 1),
            "a": entry("peer", 4, 5, 5, 5, 6),
            "b": entry("package", 8, 8, 9, 8, 8),
        },
        "roofline": {"sgemm": {"rates": [100, 100, 100, 100, 100]}},
        **further,
    }


def results(*contests, rounds=5):
    return {
        "invocations": [
            {"command": "the command", "environment": {"processor": "a processor", "cores": 2}}
        ],
        "text": {"name": "a text"},
        "settings": {"rounds": rounds, "threads": 2},
        "left_out": {},
        "contests": list(contests),
        "seconds": 280.4,
    }


@pytest.mark.parametrize(
    "count, expected", [(4, None), (5, (1, 5)), (7, (1, 7)), (8, (2, 7)), (15, (4, 12))]
)
def test_the_interval_of_a_median_lies_between_two_rounds_if_there_are_five(count, expected):
    low, high = judging.interval(range(1, count + 1))
    assert (low, high) == (expected or (-float("inf"), float("inf")))


def test_the_fastest_peer_is_the_one_that_is_nearest_and_slow_ones_have_no_say():
    (found,) = judging.figures(contest([(PEERS, 1)]))
    assert found.other == "b" and found.value == pytest.approx(1.125)
    assert found.met and found.sure and found.verdict == "met"
    (named,) = judging.figures(contest([("a", 2.0)]))
    assert named.value == pytest.approx(1.8) and named.verdict == "missed (unsure)"
    # Of those who were left out there is nothing to say.
    assert judging.figures(contest([("nobody", 1)])) == []


@pytest.mark.parametrize(
    "least, verdict",
    [(0.8, "met"), (0.87, "met (unsure)"), (0.95, "missed (unsure)"), (1.01, "missed")],
)
def test_a_share_is_held_against_its_goal(least, verdict):
    (found,) = judging.figures(contest([(LIMIT, least)]))
    assert found.value == pytest.approx(0.9) and found.verdict == verdict


def test_the_limit_of_a_round_is_its_best_product_and_shares_are_of_that():
    found = {
        "measure": "training",
        "task": "training",
        "cell": "gru",
        "flop_per_token": 10,
        "contestants": {"engine": {"kind": "engine", "rates": [5, 4, 30]}},
        "roofline": {"a": {"rates": [100, 50, 400]}, "b": {"rates": [20, 80, 500]}},
    }
    assert judging.limits(found) == [10, 8, 50]
    table = report.rates(found)
    headers, (row, limit) = table.headers, table.rows
    assert headers[2] == "share of the limit" and row == ["engine", "5 (4 to 30)", "50%", "1.00x"]
    assert limit[1] == "10 (8 to 50)"


def test_warnings_say_that_the_machine_was_not_quiet_and_that_rounds_are_too_few():
    quiet = contest([(LIMIT, 0.8), (PEERS, 1)])
    quiet["contestants"]["engine"]["rates"] = [9, 9, 9, 9, 10]
    assert judging.warnings(results(quiet)) == []
    noisy = contest([(LIMIT, 0.8)])
    noisy["roofline"]["sgemm"]["rates"][0] = 70
    few = contest([(LIMIT, 0.87)])
    few["contestants"]["engine"]["rates"] = [9, 9, 9]
    first, second = judging.warnings(results(quiet, noisy, few, rounds=3))
    assert "not quiet: in 1 of 3 contests" in first
    assert second.startswith("3 rounds are too few for 1 of 4 verdicts")
    page = markdown(report.document(results(quiet, noisy, few)))
    assert "**The machine was not quiet" in page


def test_a_measures_table_has_a_row_for_each_shape_and_the_goal_where_it_is_everyones():
    wanted = [(LIMIT, 0.85), (PEERS, 1)]
    table = report.goals(
        [contest(wanted), contest(wanted, cell="lstm", num_layers=2, dropout=0.3, words=True)]
    )
    assert table.headers == [
        "shape",
        "tokens/sec",
        "share of the limit, at least 85%",
        "over the fastest peer, at least 1x",
    ]
    assert table.rows == [
        ["GRU 128, 32 x 35", "9", "90%: met (unsure)", "1.12x b: met"],
        ["LSTM 128 x 2, 32 x 35, dropout 0.3, 28 words", "9", "90%: met (unsure)", "1.12x b: met"],
    ]
    table = report.goals([contest([(LIMIT, 0.85)]), contest([(LIMIT, 0.8), ("a", 1.7)])])
    assert table.headers[2:] == ["share of the limit", "over a, at least 1.7x"]
    assert [row[2:] for row in table.rows] == [
        ["90%, at least 85%: met (unsure)", ""],
        ["90%, at least 80%: met", "1.80x: met (unsure)"],
    ]


def test_the_report_counts_what_is_met():
    found = results(contest([(LIMIT, 0.8), (PEERS, 1), ("a", 3)]), contest([(LIMIT, 0.87)]))
    page = markdown(report.document(found))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    assert ["shapes", "4", "3", "1", "1"] in rows and ["all", "4", "3", "1", "1"] in rows
    assert "in 280 seconds" in page and "turn of 0.04 seconds" in page
    assert "## Shapes" in page and "GRU 128, 32 x 35" in terminal.text(
        report.document(found).blocks, 80
    )


def test_a_record_with_goals_can_be_read_again(tmp_path):
    older = record.read(RESULTS / "benchmark-cpu" / "benchmark.json")
    older.results.update(contests=[contest([(LIMIT, 0.8)])], seconds=280.4)
    older.write(tmp_path / "record.json")
    found = record.read(tmp_path / "record.json").as_json()
    assert found == json.loads((tmp_path / "record.json").read_text())
    assert "90%: met" in markdown(report.document(found))


def test_a_bar_has_the_colour_of_its_cell_in_records_of_version_0_1_0_too():
    older = record.read(RESULTS / "benchmark-cpu" / "benchmark.json").as_json()
    newer = copy.deepcopy(older)
    for one in newer["contests"]:
        for contestant in one["contestants"].values():
            contestant["cell"] = "update_only"
    cells = [
        [
            bar.model
            for block in report.document(results).blocks
            if isinstance(block, Bars)
            for bar in block.bars
        ]
        for results in (older, newer)
    ]
    gru = ["gru_before", "gru_after"]
    assert cells[0][:9] == [*gru, "gru_after", "gru_after", "gru_before", "gru_before"] + [
        "gru_after",
        "gru_after",
        "gru_before",
    ]
    assert cells[0][9:15] == ["lstm"] * 6 and cells[0][15:22] == ["rnn_tanh"] * 7
    assert set(cells[1]) == {"update_only"}


@pytest.mark.parametrize("name", ["own-texts", "own-texts-large"])
def test_a_comparison_of_version_0_1_0_still_has_its_report(name):
    folder = RESULTS / name
    report = markdown(own_texts.document(record.read(folder / "own_texts.json").as_json()))
    recorded = (folder / "report.md").read_text(encoding="utf-8")
    rows = [line for line in recorded.splitlines() if line.startswith("|")]
    assert len(rows) > 2 and set(rows) <= set(report.splitlines())
