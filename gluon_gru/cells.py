"""The recurrent cells, one row each: everything that depends on the cell, except the equations.

The equations are in `gluon_gru.models.scratch` (to read) and in ``engine/cells.h`` (to run fast);
the rows are here because they are read without MXNet. Names, and the order in which each library
keeps the gates, are looked up in this table.
"""

from __future__ import annotations

import dataclasses
import functools


@dataclasses.dataclass(frozen=True)
class Cell:
    """A recurrent cell.

    Attributes:
        name: its name in this package and in checkpoints.
        title: what reports and messages call it.
        gates: its gates (and candidates) in the book's order, which is also the engine's.
        number: its value in ``engine.h``; None if the engine has no kernel for it.
        scratch: the book's name for it: `gluon_gru.models` has ``get_<scratch>_params``,
            ``init_<scratch>_state`` and the forward function ``<scratch>``; empty if the book has
            no such functions.
        layer: the layer of ``mxnet.gluon.rnn`` that computes it; empty if there is none.
        fused_layer: the layer of `gluon_gru.models.fused` that computes it.
        activation: of an RNN.
        option: its name in ``gluon-gru train --cell``; empty if it can't be chosen there.
        has_memory: whether its state has a memory cell C as well as the hidden state H.
        gluon, onnx: the gates in the order in which each of these stacks them; empty if it has no
            such cell. For Gluon, also those of a ``fused_layer``.
        onnx_operator, onnx_attributes: the ONNX operator that computes it.
    """

    name: str
    title: str
    gates: tuple[str, ...]
    number: int | None = None
    scratch: str = ""
    layer: str = ""
    fused_layer: str = ""
    activation: str = ""
    option: str = ""
    has_memory: bool = False
    gluon: tuple[str, ...] = ()
    onnx: tuple[str, ...] = ()
    onnx_operator: str = ""
    onnx_attributes: tuple[tuple[str, object], ...] = ()

    @property
    def torch(self) -> tuple[str, ...]:
        """Return PyTorch's order of the gates: it and Gluon have the same cells, cuDNN's."""
        return self.gluon if self.layer else ()

    @property
    def second_bias(self) -> bool:
        """Return whether the product with the hidden state has its own bias, as in cuDNN."""
        return bool(self.layer)

    @property
    def functions(self) -> tuple[str, str, str]:
        """Return the names of the book's three functions in `gluon_gru.models.scratch`."""
        return f"get_{self.scratch}_params", f"init_{self.scratch}_state", self.scratch

    @property
    def mode(self) -> str:
        """Return the mode of its Gluon layer: ``rnn_tanh``, ``rnn_relu``, ``gru`` or ``lstm``."""
        return f"rnn_{self.activation}" if self.activation else self.layer.lower()

    def order(self, library: str) -> tuple[int, ...]:
        """Return, gate by gate as a library stacks them, each one's place in ``gates``.

        Args:
            library: ``gluon``, ``torch`` or ``onnx``, which must have the cell.
        """
        return tuple(self.gates.index(gate) for gate in getattr(self, library))


_ONE, _GRU_GATES = ("hidden",), ("update", "reset", "candidate")
_rnn = functools.partial(
    Cell, gates=_ONE, layer="RNN", fused_layer="RNN", gluon=_ONE, onnx=_ONE, onnx_operator="RNN"
)
# The two GRUs are different functions: see `gluon_gru.models`.
_gru = functools.partial(
    Cell,
    gates=_GRU_GATES,
    gluon=("reset", "update", "candidate"),
    onnx=_GRU_GATES,
    onnx_operator="GRU",
)

_ROWS = (
    _rnn(
        "rnn_tanh",
        "RNN (tanh)",
        number=0,
        scratch="rnn",
        activation="tanh",
        option="rnn",
        onnx_attributes=(("activations", ["Tanh"]),),
    ),
    _rnn(
        "rnn_relu",
        "RNN (relu)",
        number=1,
        activation="relu",
        onnx_attributes=(("activations", ["Relu"]),),
    ),
    _gru(
        "gru_before",
        "GRU (reset gate before the product, the book's)",
        number=2,
        scratch="gru",
        fused_layer="GRUResetBefore",
        option="gru",
        onnx_attributes=(("linear_before_reset", 0),),
    ),
    _gru(
        "gru_after",
        "GRU (reset gate after the product, Gluon's)",
        number=3,
        layer="GRU",
        fused_layer="GRU",
        option="gru-after",
        onnx_attributes=(("linear_before_reset", 1),),
    ),
    Cell(
        "lstm",
        "LSTM",
        ("input", "forget", "output", "candidate"),
        number=4,
        scratch="lstm",
        layer="LSTM",
        fused_layer="LSTM",
        option="lstm",
        has_memory=True,
        gluon=("input", "forget", "candidate", "output"),
        onnx=("input", "output", "forget", "candidate"),
        onnx_operator="LSTM",
    ),
    # Parts of the book's GRU, for its exercise.
    Cell("reset_only", "GRU with only a reset gate", ("reset", "candidate"), scratch="reset_only"),
    Cell(
        "update_only",
        "GRU with only an update gate",
        ("update", "candidate"),
        scratch="update_only",
    ),
)

#: Name -> `Cell`.
CELLS = {cell.name: cell for cell in _ROWS}

#: Value of ``gluon-gru train --cell`` -> `Cell`.
OPTIONS = {cell.option: cell for cell in _ROWS if cell.option}


def of_scratch(name: str) -> Cell | None:
    """Return the cell that the book calls ``name``; None if there is none."""
    return next((cell for cell in _ROWS if cell.scratch and cell.scratch == name), None)


def of_mode(mode: str) -> Cell | None:
    """Return the cell of a Gluon layer by the layer's mode; None if there is none."""
    return next((cell for cell in _ROWS if cell.layer and cell.mode == mode), None)
