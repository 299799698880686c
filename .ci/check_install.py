"""What an installed package must say of its engine, and do: check_install.py native|off.

Run it outside of the checkout, or that would be the package.
"""
import contextlib
import io
import pathlib
import sys
import warnings

import numpy

import gluon_gru as d2l
from gluon_gru import corpus, engine
from gluon_gru.engine import native
from gluon_gru.models import fused

expected, = sys.argv[1:]
info = engine.info()
print(pathlib.Path(d2l.__file__).parent, info)
assert info["engine"] == expected, info
assert corpus.SAMPLE.is_file()
if expected == "native":
    assert native.library_path().name == "_kernels.abi3.so"
    assert info["threads"] >= 1
else:
    for words in ("the engine was not built", "install a C compiler", "install gluon_gru again"):
        assert words in info["why"], info

# A tiny fused model trains with or without: with one warning, or none.
text = "abcdefgfedcb" * 8
vocab = d2l.Vocab(list(text))
data = d2l.SeqDataLoader(4, 4, source=(numpy.array(vocab[list(text)]), vocab))
with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
    warnings.simplefilter("always")
    model = d2l.RNNModelScratch(len(vocab), 8, d2l.try_gpu(), d2l.get_gru_params,
                                d2l.init_gru_state, fused.gru)
    d2l.train_ch8(model, data, vocab, 1, 2, d2l.try_gpu())
    assert len(d2l.predict_ch8("abc", 5, model, vocab, d2l.try_gpu())) >= 8
ours = [str(warning.message) for warning in caught if "engine" in str(warning.message)]
assert ours == ([] if expected == "native" else [f"gluon_gru: {info['why']}"]), ours
