"""Device names become contexts; a GPU that isn't there is an error, except where it was optional.

Contexts can be made without a GPU, so how many there are is set here.
"""

import mxnet as mx
import pytest
from mxnet import npx

import gluon_gru
from gluon_gru import InputError
from gluon_gru.training import device


@pytest.fixture
def with_gpus(monkeypatch):
    def set_number(number):
        monkeypatch.setattr(npx, "num_gpus", lambda: number)

    return set_number


@pytest.mark.parametrize(
    ("gpus", "i", "expected"),
    [(0, 0, mx.cpu()), (1, 0, mx.gpu(0)), (1, 1, mx.cpu()), (2, 1, mx.gpu(1)), (2, 2, mx.cpu())],
)
def test_try_gpu_gives_the_ith_gpu_or_the_cpu(with_gpus, gpus, i, expected):
    with_gpus(gpus)
    assert gluon_gru.try_gpu(i) == expected


def test_try_gpu_without_a_number_means_the_first(with_gpus):
    with_gpus(2)
    assert device.try_gpu() == mx.gpu(0)


@pytest.mark.parametrize(
    ("gpus", "name", "expected"),
    [
        (0, "auto", mx.cpu()),
        (1, "auto", mx.gpu(0)),
        (2, "auto", mx.gpu(0)),
        (0, "cpu", mx.cpu()),
        (2, "cpu", mx.cpu()),
        (1, "cpu(0)", mx.cpu()),
        (1, "gpu", mx.gpu(0)),
        (1, "gpu(0)", mx.gpu(0)),
        (2, "gpu", mx.gpu(0)),
        (2, "gpu(0)", mx.gpu(0)),
        (2, "gpu(1)", mx.gpu(1)),
        (12, "gpu(11)", mx.gpu(11)),
    ],
)
def test_a_name_stands_for_its_context(with_gpus, gpus, name, expected):
    with_gpus(gpus)
    assert device.context(name) == expected


def test_no_name_means_auto(with_gpus):
    with_gpus(1)
    assert device.context() == mx.gpu(0)


@pytest.mark.parametrize(
    ("gpus", "name", "shown"),
    [
        (0, "gpu", "gpu(0)"),
        (0, "gpu(0)", "gpu(0)"),
        (1, "gpu(1)", "gpu(1)"),
        (2, "gpu(2)", "gpu(2)"),
    ],
)
def test_a_gpu_that_is_not_there_is_an_error_that_says_what_to_do(with_gpus, gpus, name, shown):
    with_gpus(gpus)
    with pytest.raises(InputError) as caught:
        device.context(name)
    message = str(caught.value)
    assert shown in message
    assert f"sees {gpus} GPU" in message
    assert "--device cpu" in message


@pytest.mark.parametrize(
    "name",
    [
        "",
        "GPU",
        "tpu",
        "cuda:0",
        "gpu()",
        "gpu(-1)",
        "gpu(x)",
        "gpu(0",
        "gpu0",
        "gpu(0)s",
        " gpu",
        "gpu\n",
        "cpu(1)",
        "cpus",
        "autos",
    ],
)
def test_any_other_name_is_an_error_that_lists_the_names(with_gpus, name):
    with_gpus(2)
    with pytest.raises(InputError, match=r"auto, cpu, gpu\(0\)") as caught:
        device.context(name)
    assert repr(name) in str(caught.value)
