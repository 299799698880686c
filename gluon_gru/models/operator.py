"""The engine's recurrent layer as an MXNet operator: arrays in, arrays out, and their gradients.

MXNet's own class for such operators, ``autograd.Function``, ignores gradients that should be added
to existing ones, writes none after the first input that needs no gradient, and copies every
gradient. Here the callback is registered directly, and the kernels write into the gradients' memory.
"""

from __future__ import annotations

import ctypes
from typing import Any, Sequence

import mxnet as mx
import numpy
from mxnet import autograd, np
from mxnet.base import _LIB, MXCallbackList, NDArrayHandle, c_handle_array, check_call
from mxnet.ndarray import NDArray

from gluon_gru import engine
from gluon_gru.cells import CELLS
from gluon_gru.engine import native
from gluon_gru.engine.arrays import own_tokens
from gluon_gru.engine.layout import Layout, set_weights
from gluon_gru.errors import InputError

# MXNet's OpReqType.
_NULL, _ADD = 0, 3


def readable(array: np.ndarray) -> bool:
    """Return whether the engine can read an array: dense float32 on a CPU."""
    return (
        array.dtype == numpy.float32
        and array.stype == "default"
        and array.ctx.device_type.startswith("cpu")
    )


def runs_here(*arrays: np.ndarray) -> bool:
    """Return whether there is an engine, and it can read all these arrays."""
    return engine.kernels() is not None and all(map(readable, arrays))


def address(array: np.ndarray) -> int:
    """Wait until an array has been computed; return its address, which the kernels trust.

    Raises:
        InputError: unless the array is `readable`.
    """
    if not readable(array):
        raise InputError(
            f"a {array.stype} array of {array.dtype} on {array.ctx}, of the shape {array.shape}: the "
            "engine reads dense float32 on a CPU"
        )
    pointer = ctypes.c_void_p()
    check_call(_LIB.MXNDArrayWaitToWrite(array.handle))
    check_call(_LIB.MXNDArrayGetData(array.handle, ctypes.byref(pointer)))
    return pointer.value or 0


def memory_of(array: np.ndarray) -> numpy.ndarray:
    """Return the memory of an array as a NumPy array of its shape; errors: see `address`.

    It keeps the MXNet array, and so its memory, alive.
    """
    numbers: Any = (ctypes.c_float * array.size).from_address(address(array))
    numbers.owner = array
    return numpy.ctypeslib.as_array(numbers).reshape(array.shape)


class _Call:
    """One call of a layer on a sequence, which keeps what its gradients need."""

    def __init__(
        self, cell: str, layout: Layout, inputs: Any, states: Sequence[Any], params: Sequence[Any]
    ) -> None:
        self.layout, self.num_params, self.lock = layout, len(params), native.Lock()
        num_steps, batch_size = inputs.shape[:2]
        self.kernels = engine.kernels()
        # Kept to keep their memory alive. MXNet need not know of tokens: they have no gradient.
        reads_tokens = inputs.ndim == 2
        self.inputs_of_op = [*states, *params, *([] if reads_tokens else [inputs])]
        self.layer = native.Layer(
            cell=CELLS[cell].number,
            transposed=layout.transposed,
            num_inputs=layout.num_inputs,
            num_hiddens=layout.num_hiddens,
        )
        self.network = native.Network(
            num_layers=1,
            num_steps=num_steps,
            batch_size=batch_size,
            num_threads=native.num_threads(),
            layers=ctypes.pointer(self.layer),
        )
        if reads_tokens:
            self.tokens = own_tokens(inputs.asnumpy(), layout.num_inputs)
            self.network.tokens = self.tokens.ctypes.data
        else:
            self.network.inputs = address(inputs)
        for i, state in enumerate(states):
            self.layer.start[i] = address(state)
        set_weights(self.layer, layout, [address(param) for param in params])
        # Not what a reader made the default device and type.
        shapes = [(num_steps, batch_size, layout.num_hiddens), *(state.shape for state in states)]
        self.outputs = [np.empty(shape, "float32", ctx=mx.cpu()) for shape in shapes]
        self.network.outputs, *ends = (address(output) for output in self.outputs)
        self.layer.end[: len(ends)] = ends
        self.workspace = None

    def forward(self, training):
        """Compute ``outputs``: those of all steps, and the final states."""
        self.network.training = training
        workspace = native.workspaces.take(self.kernels.workspace_size(self.network))
        self.network.workspace = workspace.ctypes.data
        self.kernels.forward(self.network)
        if training:
            self.workspace = workspace
        else:
            native.workspaces.give_back(workspace)

    def backward(self, output_grads, input_grads, requests):
        """Compute the gradients that MXNet requests, in the memory that it has for them.

        This must not wait for arrays of the forward pass: MXNet may already have queued updates of
        them, which wait for this call.
        """
        with self.lock:
            if self.workspace is None:
                # The first backward pass overwrote what a second one would need.
                self.forward(True)
            self._backward(output_grads, input_grads, requests)

    def _backward(self, output_grads, input_grads, requests):
        places, added = [], []
        for grad, request in zip(input_grads, requests):
            if request == _ADD:
                total = memory_of(grad)
                added.append((total, numpy.empty_like(total)))
                places.append(added[-1][1].ctypes.data)
            else:
                places.append(None if request == _NULL else address(grad))
        num_states = len(self.outputs) - 1
        self.network.doutputs, *ends = (address(grad) for grad in output_grads)
        self.layer.dend[:num_states] = ends
        self.layer.dstart[:num_states] = places[:num_states]
        set_weights(self.layer, self.layout, places[num_states : num_states + self.num_params], "d")
        if self.network.inputs:
            self.network.dinputs = places[-1]
        self.kernels.backward(self.network)
        workspace, self.workspace = self.workspace, None
        native.workspaces.give_back(workspace)
        for total, grad in added:
            total += grad


def _record(call):
    """Make MXNet's autograd call ``call.backward`` when it reaches the call's outputs."""
    registry = autograd.Function._registry
    key = registry.inc()

    def backward(num_output_grads, num_input_grads, pointers, requests, _is_train, _state):
        try:
            # These arrays are ours to free, which their Python objects do.
            grads = [
                NDArray(ctypes.cast(pointers[i], NDArrayHandle))
                for i in range(num_output_grads + num_input_grads)
            ]
            call.backward(
                grads[:num_output_grads],
                grads[num_output_grads:],
                [requests[i] for i in range(num_input_grads)],
            )
        except Exception as error:
            # MXNet learns only that it failed.
            print(f"error in the backward pass of a fused layer: {error!r}")
            return False
        return True

    def delete(_state):
        registry.ref_holder.pop(key, None)
        return True

    functype = ctypes.CFUNCTYPE(ctypes.c_int)
    callbacks = [
        ctypes.cast(autograd.Function._bwd_functype(backward), functype),
        ctypes.cast(autograd.Function._del_functype(delete), functype),
    ]
    context = MXCallbackList(
        len(callbacks),
        ctypes.cast((functype * 2)(*callbacks), ctypes.POINTER(functype)),
        ctypes.cast((ctypes.c_void_p * 2)(), ctypes.POINTER(ctypes.c_void_p)),
    )
    registry.ref_holder[key] = context
    check_call(
        _LIB.MXCustomFunctionRecord(
            len(call.inputs_of_op),
            c_handle_array(call.inputs_of_op),
            len(call.outputs),
            c_handle_array(call.outputs),
            ctypes.byref(context),
        )
    )


def recurrent(
    cell: str,
    layout: Layout,
    inputs: np.ndarray,
    states: Sequence[np.ndarray],
    params: Sequence[np.ndarray],
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Run a layer over a sequence; ``(outputs, states)``, with gradients under autograd.

    The outputs are (num_steps, batch_size, num_hiddens), the states the final ones.

    Args:
        cell: the name of a cell in `gluon_gru.cells.CELLS` that the engine has.
        layout: of ``params``.
        inputs: (num_steps, batch_size, num_inputs), or tokens (num_steps, batch_size), which stand
            for one-hot vectors.
        states: hidden state and, for an LSTM, memory cell, (batch_size, num_hiddens) each.
        params: the layer's parameters.

    Raises:
        InputError: for arrays that don't fit, and for tokens out of range.
    """
    num_inputs, num_hiddens = layout.num_inputs, layout.num_hiddens
    if inputs.ndim not in (2, 3) or 0 in inputs.shape[:2]:
        raise InputError(
            f"inputs have the shape {inputs.shape}: it must be (num_steps, batch_size) or "
            f"(num_steps, batch_size, {num_inputs}), and not empty"
        )
    if 0 in (num_inputs, num_hiddens):
        raise InputError(
            f"{num_inputs} inputs and {num_hiddens} hidden units: both must be above 0"
        )
    row = CELLS[cell]
    for name, arrays, count in (
        ("states", states, 2 if row.has_memory else 1),
        ("parameters", params, len(layout.shapes)),
    ):
        if len(arrays) != count:
            raise InputError(f"{len(arrays)} {name}: {row.title} has {count}")
    named = [("inputs", inputs, (*inputs.shape[:2], num_inputs))] if inputs.ndim == 3 else []
    named += [
        (f"state {i}", state, (inputs.shape[1], num_hiddens)) for i, state in enumerate(states)
    ]
    named += [(f"parameter {i}", *pair) for i, pair in enumerate(zip(params, layout.shapes))]
    for name, array, shape in named:
        if array.shape != shape:
            raise InputError(f"{name} has the shape {array.shape}: it must be {shape}")
    recording = autograd.is_recording()
    with autograd.pause():
        call = _Call(cell, layout, inputs, states, params)
        call.forward(recording)
    outputs = call.outputs
    if recording:
        _record(call)
        # MXNet's graph has the call, and outputs have the graph: with them, it would hold itself, and
        # never be freed. These have their memory alone.
        call.outputs = [output.detach() for output in outputs]
    return outputs[0], outputs[1:]
