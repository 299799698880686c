"""Problems for the engine's kernels: random networks, what they must give, two ways to run them.

A `Problem` has the arrays that a call takes, by name, and knows by NumPy in float64
(`gluon_gru.engine.numpy_layer`) what must be in them afterwards. `run_here` runs it on kernels
loaded into this process, between guard zones; `Runner` sends it to a build of ``native/runner.c``.
Names are those of ``engine.h`` with a layer and a gate (or a state) where there are several:
``W_q``, ``0.dW_x2``, ``1.end0``.
"""

import ctypes
import subprocess

import numpy

from gluon_gru.cells import CELLS
from gluon_gru.engine import native
from gluon_gru.engine.choosing import Choosing, choose
from gluon_gru.engine.numpy_layer import Layer, cross_entropy

#: The names of the cells that the engine has.
ON_ENGINE = [cell.name for cell in CELLS.values() if cell.number is not None]

TASKS = ("forward", "backward", "train", "score", "write", "read")
#: How far from float64 an entry may be, relative to the largest entry of its array: float32 has
#: 6e-8, and sums of thousands of terms as well as long sequences lose two digits of it.
TOLERANCE = 1e-5

#: Adam's.
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

_WEIGHTS = ("W_x", "W_h", "b_x", "b_h")


def random_weights(cell, num_inputs, num_hiddens, rng, scale):
    """Return random weights by gate; without a second bias (zeros) for the book's GRU."""

    def draw(*shape):
        size = (len(CELLS[cell].gates), *shape)
        return rng.normal(scale=scale, size=size).astype("float32")

    both = cell != "gru_before"
    return {
        "W_x": draw(num_inputs, num_hiddens),
        "W_h": draw(num_hiddens, num_hiddens),
        "b_x": draw(num_hiddens),
        "b_h": draw(num_hiddens) * numpy.float32(both),
    }


class Problem:
    """A network of random weights, and a task for it.

    Args:
        cell: a name of `CELLS`.
        num_steps, batch_size, num_inputs: sizes; with tokens, ``num_inputs`` is the vocabulary's.
        num_hiddens: a number for each layer.
        task: one of `TASKS`; the last four have an output layer of ``num_inputs`` logits.
        transposed: whether weights lie as Gluon's.
        threads: how many to use.
        tokens: whether the first layer reads tokens.
        scale: of the weights; by default, one that keeps activations between 0 and saturation.
        clip: for training, the norm to clip to, in norms of the gradient.
        adam: for training, the number of the step that Adam is at; 0 is SGD.
        masked: whether outputs are masked on their way to the layer above, as by dropout.
        optional: False leaves every pointer NULL that may be: states, their gradients, a second
            bias, and the gradients by biases and inputs.
        prefix_size, count: for writing, how many tokens are given, and how many are added.
        how: for writing, how they are chosen; by default, the likeliest.
        seed: of the random numbers.
    """

    def __init__(
        self,
        cell,
        num_steps,
        batch_size,
        num_inputs,
        num_hiddens,
        task="backward",
        *,
        transposed=False,
        threads=1,
        tokens=False,
        scale=None,
        clip=2.0,
        optional=True,
        adam=0,
        masked=False,
        prefix_size=3,
        count=9,
        how=None,
        seed=0,
    ):
        self.cell, self.num_steps, self.batch_size, self.task = cell, num_steps, batch_size, task
        self.sizes = [num_inputs, *num_hiddens]
        self.transposed, self.threads, self.tokens, self.clip = transposed, threads, tokens, clip
        self.adam = adam
        self.gates = len(CELLS[cell].gates)
        # A problem that is trained or generates starts at zeros, and has an output layer.
        self.output = task in ("train", "score", "write", "read")
        self.states = range(2 if cell == "lstm" else 1) if optional and not self.output else ()
        self.prefix_size, self.count, self.how = prefix_size, count, how or Choosing()
        rng = numpy.random.RandomState(seed)
        self.weights, self.arrays, self.written = [], {}, set()
        for i in range(len(num_hiddens)):
            terms = self.sizes[i + 1] if tokens and i == 0 else max(self.sizes[i : i + 2])
            weights = random_weights(
                cell, *self.sizes[i : i + 2], rng, scale or 1 / numpy.sqrt(terms + 3)
            )
            if not optional:
                weights["b_h"][:] = 0
            self.weights.append(weights)
            self._add_layer(i, weights, rng, optional)
            if masked and i + 1 < len(num_hiddens):
                shape = (num_steps, batch_size, num_hiddens[i])
                self._add(f"{i}.mask", rng.choice([0, 2], shape).astype("float32"))
        self._add_inputs(rng, optional)
        if self.output:
            self._add_output(rng, scale or 1)
        #: (weight, gradient) of all parameters, for training.
        self.params = (
            [
                (name, gradient)
                for name in self.arrays
                for gradient in [_gradient(name)]
                if gradient in self.arrays
            ]
            if task == "train"
            else []
        )
        self.written |= {name for name, _ in self.params}
        for name, _ in self.params if adam else ():
            self._add(f"mean {name}", rng.normal(size=self.arrays[name].shape).astype("float32"))
            self._add(f"square {name}", rng.uniform(size=self.arrays[name].shape).astype("float32"))
            self.written |= {f"mean {name}", f"square {name}"}
        if task in ("write", "read"):
            self._add("prefix", rng.randint(0, num_inputs, self.prefix_size).astype("int32"))
        if task == "write":
            self._add_written("added", (self.count,), "int32")
            self._add("places", rng.uniform(size=self.count))
        elif task == "read":
            self._add_written("logits", (self.prefix_size, num_inputs))
        self.expect()

    def __repr__(self):
        sizes = "x".join(map(str, [self.num_steps, self.batch_size, *self.sizes]))
        return (
            f"{self.cell}-{sizes}-{self.task}-{self.threads}"
            + "-transposed" * self.transposed
            + "-tokens" * self.tokens
        )

    # ---- Arrays ----

    def _add(self, name, array):
        self.arrays[name] = numpy.ascontiguousarray(array)

    def _add_written(self, name, shape, dtype="float32"):
        """Add an array for the kernels to fill: NaN, or -1, until then."""
        self._add(name, numpy.full(shape, numpy.nan if dtype == "float32" else -1, dtype))
        self.written.add(name)

    def _add_layer(self, i, weights, rng, optional):
        backward = self.task in ("backward", "train")
        for name in _WEIGHTS:
            if name == "b_h" and not weights[name].any():
                continue
            for g in range(self.gates):
                array = self.as_it_lies(name, weights[name][g])
                self._add(f"{i}.{name}{g}", array)
                if backward and (optional or name[0] == "W"):
                    self._add_written(f"{i}.d{name}{g}", array.shape)
        shape = (self.batch_size, self.sizes[i + 1])
        for s in self.states:
            self._add(f"{i}.start{s}", rng.normal(scale=0.5, size=shape).astype("float32"))
            self._add_written(f"{i}.end{s}", shape)
            if backward:
                self._add(f"{i}.dend{s}", rng.normal(size=shape).astype("float32"))
                self._add_written(f"{i}.dstart{s}", shape)

    def _add_inputs(self, rng, optional):
        tokens = (self.num_steps, self.batch_size)
        if self.tokens:
            self._add("tokens", rng.randint(0, self.sizes[0], tokens).astype("int32"))
        else:
            self._add("inputs", rng.normal(size=(*tokens, self.sizes[0])).astype("float32"))
        if not self.output:
            outputs = (*tokens, self.sizes[-1])
            self._add_written("outputs", outputs)
            if self.task == "backward":
                self._add("doutputs", rng.normal(size=outputs).astype("float32"))
                if optional and not self.tokens:
                    self._add_written("dinputs", (*tokens, self.sizes[0]))

    def _add_output(self, rng, scale):
        shape = (self.sizes[-1], self.sizes[0])
        self.W_q, self.b_q = (
            rng.normal(scale=scale, size=s).astype("float32") for s in (shape, shape[1:])
        )
        self._add("W_q", self.as_it_lies("W_q", self.W_q))
        self._add("b_q", self.b_q)
        if self.task == "train":
            self._add_written("dW_q", self.arrays["W_q"].shape)
            self._add_written("db_q", shape[1:])
        if self.task in ("train", "score"):
            self._add(
                "labels",
                rng.randint(0, self.sizes[0], (self.num_steps, self.batch_size)).astype("int32"),
            )

    def as_it_lies(self, name, array):
        """Return an array as the kernels have it, from (inputs, hiddens), or back."""
        return array.T if self.transposed and "W_" in name else array

    # ---- What must come out ----

    def expect(self):
        """Work out what must come out; anew, after a change of inputs, tokens, labels or states."""
        if self.task in ("train", "score"):
            self._expect_training()
        elif self.task == "read":
            outputs = self._forward(numpy.eye(self.sizes[0])[self.arrays["prefix"]][:, None])[1]
            self.expected = {"logits": outputs[:, 0] @ self.W_q.astype("float64") + self.b_q}
        elif self.task != "write":
            self._expect_layers()

    def _layers(self):
        """Return the layers in float64."""
        return [
            Layer(self.cell, {name: w.astype("float64") for name, w in weights.items()})
            for weights in self.weights
        ]

    def _state(self, i, name):
        """Return the states of that name of layer i, or zeros."""
        zeros = numpy.zeros((self.batch_size, self.sizes[i + 1]))
        return [
            self.arrays[f"{i}.{name}{s}"].astype("float64") if s in self.states else zeros
            for s in range(2 if self.cell == "lstm" else 1)
        ]

    def _forward(self, X):
        """Return the layers, their outputs, and what is expected so far."""
        layers, expected = self._layers(), {}
        for i, layer in enumerate(layers):
            X, end = layer.forward(X, self._state(i, "start"))
            expected.update((f"{i}.end{s}", array) for s, array in enumerate(end))
            X = X * self.arrays.get(f"{i}.mask", 1)
        return layers, X, expected

    def _backward(self, layers, d_out):
        expected = {}
        for i in reversed(range(len(layers))):
            d_out = d_out * self.arrays.get(f"{i}.mask", 1)
            grads, d_out, d_start = layers[i].backward(d_out, self._state(i, "dend"))
            expected.update((f"{i}.dstart{s}", array) for s, array in enumerate(d_start))
            expected.update(
                (f"{i}.d{name}{g}", array)
                for name in _WEIGHTS
                for g, array in enumerate(grads[name])
            )
        return {**expected, "dinputs": d_out}

    def _inputs(self):
        if self.tokens:
            return numpy.eye(self.sizes[0])[self.arrays["tokens"]]
        return self.arrays["inputs"].astype("float64")

    def _expect_layers(self):
        layers, outputs, expected = self._forward(self._inputs())
        expected["outputs"] = outputs
        if self.task == "backward":
            expected.update(self._backward(layers, self.arrays["doutputs"].astype("float64")))
        self.expected = expected

    def _expect_training(self):
        """Expect the loss; in training the gradients, and the parameters after a step.

        The step is of the norm's size with SGD, of a tenth with Adam.
        """
        layers, outputs, expected = self._forward(self._inputs())
        hiddens, W_q = outputs.reshape(-1, self.sizes[-1]), self.W_q.astype("float64")
        loss, d = cross_entropy(hiddens @ W_q + self.b_q, self.arrays["labels"].ravel())
        expected["loss"] = loss
        self.expected = expected
        if self.task == "score":
            return
        expected.update(
            self._backward(layers, (d @ W_q.T).reshape(outputs.shape)),
            dW_q=hiddens.T @ d,
            db_q=d.sum(0),
        )
        norm = numpy.sqrt(sum((expected[gradient] ** 2).sum() for _, gradient in self.params))
        self.clip_norm, self.lr = float(norm * self.clip), float(1 / norm if norm else 1)
        if self.adam:
            self.lr = 0.1
        for name, gradient in self.params:

            def before(of, name=name):
                return self.as_it_lies(name, self.arrays[f"{of}{name}"]).astype("float64")

            clipped = min(self.clip, 1) * expected[gradient]
            lr = self.lr * self.lr_mult(name)
            if not self.adam:
                expected[name] = before("") - lr * clipped
                continue
            mean = expected[f"mean {name}"] = BETA1 * before("mean ") + (1 - BETA1) * clipped
            square = expected[f"square {name}"] = (
                BETA2 * before("square ") + (1 - BETA2) * clipped**2
            )
            expected[name] = before("") - lr * mean / (1 - BETA1**self.adam) / (
                numpy.sqrt(square / (1 - BETA2**self.adam)) + EPSILON
            )

    def _check_tokens(self, added):
        """Check each added token to be one that is chosen after the prefix and those before it."""
        tokens = [*self.arrays["prefix"], *added]
        assert min(tokens) >= 0 and max(tokens) < self.sizes[0]
        X = numpy.eye(self.sizes[0])[tokens[:-1]][:, None]
        _, outputs, _ = self._forward(X)
        logits = (outputs[:, 0] @ self.W_q + self.b_q)[self.prefix_size - 1 :]
        for row, token, place in zip(logits, added, self.arrays["places"]):
            if self.how.temperature:
                # Rounding moves the borders between the tokens a little.
                places = numpy.clip([place - 1e-5, place, place + 1e-5], 0, 1)
                assert token in {choose(row, self.how, one) for one in places}
            else:
                known = numpy.delete(row, [] if self.how.unk is None else self.how.unk)
                assert token != self.how.unk
                assert row[token] >= known.max() - TOLERANCE * numpy.abs(row).max()

    def check(self, results, tolerance=TOLERANCE):
        """Compare results, a dict like `arrays` (and ``loss``), with what must come out.

        An entry may be off by ``tolerance``, relative to the largest entry of its array, a layer's
        gates being one array; the loss, a difference of logits, relative to 1 at least.
        """
        for name in set(self.arrays) - self.written:
            numpy.testing.assert_array_equal(results[name], self.arrays[name], name)
        if self.task == "write":
            return self._check_tokens(results["added"])
        for name in self.written | ({"loss"} if self.task in ("train", "score") else set()):
            expected = self.expected[name]
            gates = [name[:-1] + gate for gate in "0123"] if "." in name else [name]
            least = 1 if name == "loss" else numpy.finfo("float32").tiny
            largest = max(
                least,
                *(numpy.abs(self.expected[gate]).max() for gate in gates if gate in self.expected),
            )
            actual = self.as_it_lies(name, results[name])
            assert numpy.shape(actual) == numpy.shape(expected), name
            worst = numpy.abs(actual - expected).max() / largest
            # Not "worst > TOLERANCE": NaN must fail.
            assert worst <= tolerance, f"{name} is {worst} of {largest} off"
        return None

    # ---- For the kernels ----

    def structures(self, address):
        """Return the call's `Network` and parameters, pointers being ``address(name)`` or NULL."""
        layers = (native.Layer * len(self.weights))()
        for i, layer in enumerate(layers):
            layer.cell, layer.transposed = CELLS[self.cell].number, self.transposed
            layer.num_inputs, layer.num_hiddens = self.sizes[i : i + 2]
            for name, array in layer._fields_[4:-1]:
                for n in range(array._length_):
                    getattr(layer, name)[n] = address(f"{i}.{name}{n}")
            layer.mask = address(f"{i}.mask")
        network = native.Network(
            num_layers=len(layers),
            num_steps=self.num_steps,
            batch_size=self.batch_size,
            num_threads=self.threads,
            output_transposed=self.transposed,
            training=self.task in ("backward", "train"),
            all_threads=1,
            layers=layers,
            logits_size=self.sizes[0] if self.output else 0,
        )
        for name in (
            "tokens",
            "inputs",
            "outputs",
            "doutputs",
            "dinputs",
            "W_q",
            "b_q",
            "dW_q",
            "db_q",
            "labels",
        ):
            setattr(network, name, address(name))
        params = (native.Parameter * len(self.params))(
            *(
                (
                    address(name),
                    address(gradient),
                    address(f"mean {name}"),
                    address(f"square {name}"),
                    self.arrays[name].size,
                    self.lr_mult(name),
                )
                for name, gradient in self.params
            )
        )
        return network, params

    def lr_mult(self, name):
        """Return what the learning rate is multiplied by: another number for every parameter."""
        return (1, 0.5, 0, 2)[list(self.arrays).index(name) % 4]

    def optimizer(self):
        """Return the call's `native.Optimizer`."""
        return native.Optimizer(
            self.adam, getattr(self, "clip_norm", 0), getattr(self, "lr", 0), BETA1, BETA2, EPSILON
        )

    def choosing(self):
        """Return the call's `native.Choosing`."""
        return native.Choosing.of(self.how)


def _gradient(name):
    """Return the name of the gradient by a parameter."""
    layer, dot, name = name.rpartition(".")
    return f"{layer}{dot}d{name}"


# ---- In this process ----


class Guarded:
    """Memory between two guard zones, at an address of the form 64 n + ``offset``."""

    ZONE, FILL = 256, 0xA5

    def __init__(self, size, offset):
        self._whole = numpy.full(size + 2 * self.ZONE + 64, self.FILL, numpy.uint8)
        self._start = self.ZONE + (offset - self._whole.ctypes.data - self.ZONE) % 64
        self._end = self._start + size
        self.memory = self._whole[self._start : self._end]

    def intact(self):
        """Return whether nobody wrote into the zones."""
        return (self._whole[: self._start] == self.FILL).all() and (
            self._whole[self._end :] == self.FILL
        ).all()


def run_here(kernels, problem):
    """Run a problem on `native.Kernels`; return its arrays afterwards, and the loss.

    Arrays are at addresses that no vector is aligned to, everything between guard zones, and the
    workspace is NaN before.
    """
    guarded = {name: Guarded(array.nbytes, 4) for name, array in problem.arrays.items()}
    views = {
        name: guarded[name].memory.view(array.dtype).reshape(array.shape)
        for name, array in problem.arrays.items()
    }
    for name, array in problem.arrays.items():
        views[name][...] = array

    def address(name):
        return views[name].ctypes.data if name in views else None

    network, params = problem.structures(address)
    workspace = Guarded(kernels.workspace_size(network), 0)
    workspace.memory[:] = 0xFF
    network.workspace = workspace.memory.ctypes.data
    if problem.task == "train":
        kernels.train_step(network, params, len(params), problem.optimizer())
    elif problem.task == "score":
        kernels.score(network)
    elif problem.task == "read":
        kernels.begin(network)
        for n, token in enumerate(problem.arrays["prefix"]):
            kernels.read_token(network, int(token), views["logits"][n:].ctypes.data)
    elif problem.task == "write":
        kernels.begin(network)
        # Doubles have their own alignment.
        places = numpy.array(views["places"])
        kernels.write_text(
            network,
            address("prefix"),
            problem.prefix_size,
            address("added"),
            problem.count,
            problem.choosing(),
            places.ctypes.data,
        )
    else:
        kernels.forward(network)
        if problem.task == "backward":
            kernels.backward(network)
    for name, array in {**guarded, "the workspace": workspace}.items():
        assert array.intact(), f"{problem!r} wrote outside of {name}"
    return {**{name: view.copy() for name, view in views.items()}, "loss": network.loss}


# ---- In another ----


class _Call(ctypes.Structure):
    """``call`` of ``runner.c``."""

    _fields_ = [
        (name, ctypes.c_int64)
        for name in ("task", "num_arrays", "num_params", "prefix_size", "count")
    ] + [
        ("optimizer", native.Optimizer),
        ("choosing", native.Choosing),
        ("prefix", ctypes.c_void_p),
        ("added", ctypes.c_void_p),
        ("logits", ctypes.c_void_p),
        ("places", ctypes.c_void_p),
    ]


class Runner:
    """A build of ``native/runner.c``: the command that starts it, a list."""

    def __init__(self, command):
        self.command = command

    def instructions(self):
        """Return the names of the instruction sets that it can run."""
        return subprocess.run(
            self.command, check=True, stdout=subprocess.PIPE, text=True
        ).stdout.split()

    def run(self, instructions, problem):
        """Run a problem; return its arrays afterwards, and the loss."""
        numbers = {name: n + 1 for n, name in enumerate(problem.arrays)}
        network, params = problem.structures(numbers.get)
        call = _Call(
            TASKS.index(problem.task),
            len(numbers),
            len(params),
            problem.prefix_size,
            problem.count,
            problem.optimizer(),
            problem.choosing(),
            *map(numbers.get, ("prefix", "added", "logits", "places")),
        )
        sizes = numpy.array([array.nbytes for array in problem.arrays.values()], numpy.int64)
        layers = ctypes.string_at(network.layers, ctypes.sizeof(native.Layer) * network.num_layers)
        message = b"".join(
            [
                bytes(call),
                sizes.tobytes(),
                bytes(network),
                layers,
                bytes(params),
                *(array.tobytes() for array in problem.arrays.values()),
            ]
        )
        done = subprocess.run([*self.command, instructions], input=message, capture_output=True)
        assert done.returncode == 0 and not done.stderr, f"{problem!r}: {done.stderr.decode()}"
        results, at = {"loss": float(numpy.frombuffer(done.stdout, count=1)[0])}, 8
        for name, array in problem.arrays.items():
            results[name] = numpy.frombuffer(done.stdout, array.dtype, array.size, at).reshape(
                array.shape
            )
            at += array.nbytes
        assert at == len(done.stdout)
        return results
