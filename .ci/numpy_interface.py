"""Walks through MXNet's NumPy interface and writes what each call gives, as JSON.

    numpy_interface.py > FILE           with the NumPy at hand
    numpy_interface.py compare A B      say where two such files differ, and fail if they do

The calls are all functions of mx.np and mx.np.linalg (those that fall back to NumPy, too), those of
mx.npx and mx.np.random that the book's recurrent chapters use, and what happens where MXNet's arrays
meet NumPy's functions and scalars.
"""

import importlib
import itertools
import json
import math
import sys
import types
import warnings

#: What the calls are made of: v is a vector, X and Y matrices, S a square one, n has a NaN.
NAMES = """
X = np.array([[3., 1, 2], [0, 5, 4]]); Y = X[:, ::-1] * 0.5; v = np.array([1., 2, 4])
w = np.array([0.5, -1, 2]); S = np.array([[2., 1], [1, 3]]); n = np.array([1., np.nan, 3])
i = np.array([2, 0, 1], dtype="int64"); b = np.array([True, False, True])
u = np.array([3, 7], dtype="uint8"); A = onp.arange(3.)
"""

ONE = """abs absolute arccos arccosh arcsin arcsinh arctan arctanh argmax argmin argsort around atleast_1d
atleast_2d atleast_3d average cbrt ceil copy cos cosh cumsum deg2rad degrees diag diagflat diff ediff1d exp
expm1 fabs fix flatnonzero flip flipud floor i0 isfinite isinf isnan isneginf isposinf log log10 log1p log2
logical_not max amax min amin mean nan_to_num ndim negative nonzero ones_like zeros_like
positive prod product ptp rad2deg radians ravel real reciprocal rint round round_ shape sign signbit sin
sinh size sort msort spacing sqrt square squeeze std sum tan tanh trunc unique unwrap var vander alltrue
sometrue all any nanargmax nanargmin nancumprod nancumsum nanmax nanmedian nanmin nanprod count_nonzero
argwhere frexp modf trim_zeros min_scalar_type roots poly"""
TWO = """add subtract multiply divide true_divide power float_power mod remainder maximum minimum arctan2
hypot copysign equal not_equal greater greater_equal less less_equal allclose isclose array_equal array_equiv
append heaviside divmod dot inner outer vdot correlate cov corrcoef polyadd polysub polymul polydiv polyval
intersect1d setdiff1d setxor1d union1d in1d isin"""

OF_NUMPY = """sum mean max argmax exp tanh sort cumsum ravel std prod any all isnan sqrt"""

REST = """
np.empty_like(v).shape np.empty((2,3)).shape np.zeros((2,3)) np.ones(2) np.eye(3) np.identity(2)
np.full((2,2),3.5) np.full((2,2),True) np.full_like(X,2) np.arange(5) np.arange(1,2,0.25)
np.linspace(0,1,5) np.logspace(0,2,3) np.array([[1,2]]) np.array(2.5) np.array(A)
np.array([1],dtype='int32') np.indices((2,2)) np.meshgrid(v,w) np.tril(S) np.trace(S)
np.tril_indices_from(S) np.triu_indices_from(S) np.hanning(4) np.hamming(4) np.blackman(4)
np.histogram(v,bins=3,range=(0,5)) np.histogram_bin_edges(v) np.histogram2d(v,w) np.histogramdd(X)
np.bincount(i) np.digitize(w,v) np.searchsorted(v,w) np.interp(w,v,v) np.dot(X,X.T) np.matmul(X,X.T)
np.tensordot(X,Y,axes=2) np.einsum('ij,kj->ik',X,Y) np.concatenate([X,Y],axis=1)
np.concatenate((X,Y)) np.stack([X,Y]) np.vstack([X,Y]) np.hstack([X,Y]) np.dstack([X,Y])
np.row_stack([X,Y]) np.column_stack([v,w]) np.split(X,3,axis=1) np.array_split(v,2) np.hsplit(X,3)
np.vsplit(X,2) np.dsplit(X.reshape(1,2,3),3) np.reshape(X,(3,2)) np.reshape(X,(-1,)) np.transpose(X)
np.transpose(X,(1,0)) np.swapaxes(X,0,1) np.moveaxis(X,0,1) np.rollaxis(X,1) np.roll(X,1)
np.rot90(X) np.fliplr(X) np.expand_dims(X,0) np.broadcast_to(v,(2,3)) np.broadcast_arrays(X,v)
np.tile(v,2) np.repeat(X,2,axis=1) np.resize(v,(2,2)) np.pad(X,((1,1),(0,0)),'constant')
np.pad(X,1,'edge') np.delete(v,1) np.insert(v,1,9) np.take(X,i) np.take(v,i,mode='clip')
np.take_along_axis(v,i,0) np.choose(i,[v,w,v]) np.compress(b,v) np.extract(b,v) np.select([v>1],[w])
np.where(b,v,w) np.where(b) np.piecewise(v,[v>1],[1,2]) np.clip(X,1,4) np.clip(X,onp.float32(1),4)
np.diagonal(S) np.diag_indices_from(S) np.unravel_index(i,(2,2)) np.ix_([0,1],[1]) np.lexsort((v,w))
np.partition(v,1) np.argpartition(v,1) np.percentile(v,30) np.quantile(v,0.3) np.nanpercentile(n,30)
np.nanquantile(n,0.3) np.polyfit(v,w,1) np.polyint(v) np.trapz(v) np.trapz(v,w)
np.apply_along_axis(first,0,v) np.apply_over_axes(onp.sum,X,[0]) np.result_type(v)
np.promote_types('f4','f8') np.bitwise_and(u,u) np.bitwise_or(u,u) np.bitwise_xor(u,u)
np.bitwise_not(u) np.invert(u) np.packbits(u) np.unpackbits(u) np.lcm(i,i) np.ldexp(v,w)
np.logical_not(b) np.may_share_memory(v,v) np.shares_memory(v,w) np.unique(i,return_counts=True)
np.mirr(1,2,3) np.npv(1,v) np.ppmt(1,2,3,4) np.pv(1,2,3) np.rate(1,2,3,4) np.PZERO np.NZERO np.PINF
np.NINF np.NAN np.NaN np.inf np.nan np.e np.pi np.newaxis np.finfo('float32').eps np.mean(X,axis=1)
np.sum(X,axis=0,keepdims=True) np.argmax(X,axis=1) np.std(X,axis=0) np.cumsum(X,axis=1)
np.linalg.norm(X) np.linalg.norm(X,axis=1) np.linalg.inv(S) np.linalg.det(S) np.linalg.slogdet(S)
np.linalg.solve(S,S) np.linalg.cholesky(S) np.linalg.eigvalsh(S) np.linalg.svd(S)[1]
np.linalg.pinv(S) np.linalg.eigvals(S) np.linalg.cond(S) np.linalg.lstsq(S,S,rcond=None)
np.linalg.matrix_power(S,2) np.linalg.matrix_rank(S) np.linalg.multi_dot([S,S,S]) np.linalg.qr(S)
np.linalg.tensorinv(S.reshape(2,2),ind=1) np.linalg.tensorsolve(S,S[0]) np.linalg.eigh(S)[0]
np.linalg.eig(S)[0]
"""

#: By these the recurrent chapters draw, and choose.
DRAWN = """
np.random.normal(0,0.01,(2,3)) np.random.normal(0,onp.float64(0.01),size=(2,onp.int64(2)))
np.random.uniform(0,1,(3,)) np.random.randint(0,9,(3,)) np.random.rand(2) np.random.randn(2)
np.random.choice(5,(3,)) np.random.multinomial(4,[0.5,0.5]) np.random.permutation(4)
np.random.shuffle(v) npx.sigmoid(v) npx.relu(w) npx.softmax(X) npx.log_softmax(X) npx.one_hot(i,3)
npx.one_hot(i,onp.int64(3)) npx.pick(X,i[:2]) npx.batch_dot(X.reshape(1,2,3),X.reshape(1,3,2))
npx.topk(v) npx.reshape(X,(-1,)) npx.embedding(i,X.T,input_dim=3,output_dim=2)
npx.fully_connected(X,X,num_hidden=2,no_bias=True) npx.activation(v,act_type='tanh')
npx.gather_nd(X,np.array([[1],[2]],dtype='int64')) npx.sequence_mask(X,np.array([1.,2,1]),True)
npx.smooth_l1(v) npx.erf(v) npx.gamma(v) npx.leaky_relu(w) npx.layer_norm(X,v,w) npx.cpu()
npx.num_gpus()>=0 npx.is_np_array() npx.is_np_shape() npx.waitall() npx.dropout(v)
npx.arange_like(v)
"""

#: Shapes and axes of NumPy's integers, NumPy's scalars beside arrays.
MIXED = """
np.zeros((onp.int64(2),3)) X.reshape((onp.int64(3),-1)) X.reshape(onp.int64(6))
np.sum(X,axis=(onp.int64(0),)) mx.nd.zeros((onp.int64(2),3)) mx.nd.array(A)
mx.nd.ones((2,2))*onp.float64(3) X.transpose((onp.int32(1),0)) v*onp.float64(2) onp.float64(2)*v
onp.float32(2)-v v/onp.int64(2) v**onp.float32(2) onp.int64(7)//v v+A A+v v@A v+1 1-v 2/v v//2 v%2
v>onp.float64(1) onp.float64(1)<v -v v==w i+1 i*2.5 i/2 u+1 u*2 b*2 ~b X@X.T X.T@X X[0]
X[onp.int64(1)] X[:,1] X[X>2] X[i[:2]] X[[0,1]] X[...,None] X[b[:2]] X[True] X[0,0].item()
v[onp.array([0,2])] setitem(X.copy(),0,1) setitem(X.copy(),(0,1),onp.float64(7))
setitem(X.copy(),slice(0,1),A) setitem(v.copy(),b,0) float(v[0]) int(v[0]) bool(v[0]) len(v) list(v)
v.tolist() str(v) str(v.mean()) repr(X) f'{v[0].item():.2f}' v.astype('float64') v.astype(onp.int32)
v.astype(bool) v.astype(np.bool) v.asnumpy() v.dtype v.dtype==onp.float32 X.shape X.T
v.mean().item() X.max(axis=0) X.argmax(axis=1) v.sum().asnumpy() v.copy() X.flatten() X.squeeze()
v.as_in_ctx(mx.cpu())
"""

#: NumPy's own functions, given MXNet's arrays.
NUMPYS = """
onp.dot(X,X.T) onp.concatenate([X,Y]) onp.stack([v,w]) onp.where(b,v,w) onp.add(v,w)
onp.maximum(v,A) onp.split(v,3) onp.asarray(v.asnumpy()) onp.allclose(v,w) onp.isin(v,w)
onp.transpose(X) onp.reshape(X,(3,2)) onp.clip(v,1,2) onp.unique(i) onp.linalg.norm(X)
onp.linalg.inv(S) onp.float32(v[0].item()) onp.mean(X,axis=0) onp.median(v) onp.nanmean(n)
onp.diff(v)
"""

#: What NumPy 2 itself gives otherwise: the type of a number, or of what it computes from float32.
CHANGED = {
    "np.alltrue(v)",
    "np.count_nonzero(v)",
    "np.histogram2d(v,w)",
    "np.histogramdd(X)",
    "np.nanpercentile(n,30)",
    "np.nanquantile(n,0.3)",
}

#: Functions of mx.np that are no matter of numbers, or of chance.
LEFT_OUT = {"genfromtxt", "set_printoptions"}


def calls():
    """Return each call once; those of a text have blanks between them, and none within."""
    found = [f"np.{name}(v)" for name in ONE.split()]
    found += [f"np.{name}(n)" for name in ONE.split() if name.startswith(("nan", "is"))]
    found += [f"np.{name}(v,w)" for name in TWO.split()]
    found += [f"onp.{name}(v)" for name in OF_NUMPY.split()]
    return list(
        dict.fromkeys([*found, *REST.split(), *DRAWN.split(), *MIXED.split(), *NUMPYS.split()])
    )


def plain(value):
    """Return a result in JSON: the type's name, and what it holds."""
    import mxnet
    import numpy

    if isinstance(value, mxnet.nd.NDArray):
        kind = "mx.np" if isinstance(value, mxnet.np.ndarray) else "mx.nd"
        return [kind, str(value.dtype), list(value.shape), value.asnumpy().ravel().tolist()]
    if isinstance(value, numpy.ndarray):
        if value.dtype == object:
            return ["numpy", "object", list(value.shape), [plain(each) for each in value.ravel()]]
        return ["numpy", str(value.dtype), list(value.shape), value.ravel().tolist()]
    if isinstance(value, (numpy.generic, numpy.dtype)):
        return [
            type(value).__mro__[-2 if isinstance(value, numpy.dtype) else 0].__name__,
            str(value),
        ]
    if isinstance(value, (list, tuple)):
        return ["sequence", [plain(each) for each in value]]
    return [type(value).__name__, value if isinstance(value, (int, float)) else str(value)]


def walk():
    """Return what each call gives, or raises."""
    # First: it makes the import of MXNet work.
    importlib.import_module("gluon_gru")
    import mxnet as mx
    import numpy as onp
    from mxnet import np, npx

    def first(row):
        return row[0]

    def setitem(array, key, value):
        array[key] = value
        return array

    public = {
        name
        for name in dir(np)
        if not name.startswith("_")
        and callable(getattr(np, name))
        and not isinstance(getattr(np, name), (type, types.ModuleType))
    }
    public |= {f"linalg.{name}" for name in np.linalg.__all__}
    text = " ".join(calls())
    unseen = {name for name in public - LEFT_OUT if f"np.{name}(" not in text}
    if unseen:
        sys.exit(f"no call of {', '.join(sorted(unseen))}")

    results = {"numpy": onp.__version__}
    for call in calls():
        names = {"np": np, "npx": npx, "onp": onp, "mx": mx, "first": first, "setitem": setitem}
        exec(NAMES, names)
        mx.random.seed(1)
        onp.random.seed(1)
        try:
            results[call] = plain(eval(call, names))
        except Exception as error:
            results[call] = ["raises", type(error).__name__]
    return results


def alike(one, two):
    """Return whether two results are the same, but for float32's last digits."""
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(itertools.starmap(alike, zip(one, two)))
    if isinstance(one, float) and isinstance(two, float):
        return math.isclose(one, two, rel_tol=1e-5, abs_tol=1e-6) or (one != one and two != two)
    return one == two


def compare(first, second):
    """Print where two files of results differ; return in which calls they shouldn't."""
    with open(first) as one, open(second) as two:
        old, new = json.load(one), json.load(two)
    versions = f"NumPy {old.pop('numpy')} and {new.pop('numpy')}"
    different = [call for call in old if not alike(old[call], new.get(call))]
    for call in different:
        known = " (as NumPy's own)" if call in CHANGED else ""
        print(f"{call}{known}\n    {str(old[call]):.90}\n    {str(new.get(call)):.90}")
    raising = sum(value[0] == "raises" for value in old.values())
    print(f"{versions}: {len(old)} calls, {len(different)} differ; {raising} raise an error")
    return set(different) - CHANGED


if __name__ == "__main__":
    if sys.argv[1:2] == ["compare"]:
        sys.exit(bool(compare(*sys.argv[2:])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        json.dump(walk(), sys.stdout, indent=0)
