"""The table of cells, held against the C side and the libraries whose orders it states."""

import pathlib
import re

import pytest
from checkout import needs_checkout

import gluon_gru
from gluon_gru.cells import CELLS, OPTIONS, of_mode, of_scratch

HEADER = pathlib.Path(gluon_gru.__file__).parent / "engine" / "engine.h"


@needs_checkout
def test_the_engine_numbers_the_cells_as_the_table_does():
    names = re.search(r"enum cell \{(.*?)\}", HEADER.read_text(encoding="utf-8")).group(1)
    assert {name.strip().lower(): number for number, name in enumerate(names.split(","))} == {
        cell.name: cell.number for cell in CELLS.values() if cell.number is not None
    }


@pytest.mark.parametrize("cell", CELLS.values(), ids=lambda cell: cell.name)
def test_every_order_names_every_gate_once(cell):
    for library in ("gluon", "torch", "onnx"):
        order = getattr(cell, library)
        assert not order or sorted(order) == sorted(cell.gates)
        if order:
            assert [cell.gates[place] for place in cell.order(library)] == list(order)
    assert bool(cell.onnx) == bool(cell.onnx_operator)


def test_names_lead_to_one_cell_each():
    assert len(OPTIONS) == sum(bool(cell.option) for cell in CELLS.values())
    assert of_scratch("gru") is CELLS["gru_before"] and of_mode("gru") is CELLS["gru_after"]
    assert of_scratch("") is None and of_mode("custom") is None
    scratch = [cell.scratch for cell in CELLS.values() if cell.scratch]
    modes = [cell.mode for cell in CELLS.values() if cell.layer]
    assert len(set(scratch)) == len(scratch) and len(set(modes)) == len(modes)


def test_the_books_functions_are_there_by_their_names():
    from gluon_gru.models import fused, scratch

    for cell in CELLS.values():
        if cell.scratch:
            for name in cell.functions:
                assert callable(getattr(scratch, name))
        if cell.fused_layer:
            assert hasattr(fused, cell.fused_layer)
