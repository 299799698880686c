"""Files of named arrays from other programs, read with NumPy alone; nothing in them is trusted.

Three formats, told apart by their first bytes: MXNet's own, which 1.9.1 and all before it write
(``.params``; source: ``src/ndarray/ndarray.cc`` of MXNet 1.9.1), NumPy's archives, which MXNet 2
writes (``.params`` and ``.npz``), and safetensors, which many write for PyTorch. Every length is
held against the size of the file before memory is allocated for it, and nothing is unpickled. (MXNet
itself trusts the lengths: a single altered byte of a file of 1 kB made it ask for 3.6 GB.)
"""

from __future__ import annotations

import io
import math
import os
import pathlib
import stat
import struct
import zipfile
from typing import IO, Any, Callable, Dict

import numpy
import safetensors

from gluon_gru.errors import InputError
from gluon_gru.runs.files import StrPath

#: Name -> array. Arrays without names are called ``arr_0``, ``arr_1`` and so on, as by NumPy.
Arrays = Dict[str, numpy.ndarray]

# What MXNet calls bfloat16, which NumPy lacks: the upper half of a float32.
_BFLOAT16 = "bfloat16"

# By MXNet's numbers. Source: enum TypeFlag of mshadow/base.h.
_MXNET_TYPES = (
    *("<f4", "<f8", "<f2", "u1", "<i4", "i1", "<i8", "?", "<i2", "<u2", "<u4", "<u8"),
    _BFLOAT16,
)

# By the names in safetensors.
_SAFETENSORS_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": _BFLOAT16}

_LIST, _V1, _V2, _V3 = 0x112, 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_MAX_DIMENSIONS, _SPARSE = 32, {1: "row_sparse", 2: "csr"}

# Numbers don't compress to a tenth; nobody needs more than this to describe an array.
_MAX_COMPRESSION, _MAX_HEADER, _MAX_NAME = 10, 10_000, 1_000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

# How files begin that people take for one of those.
_OTHERS = {
    b"\x80": "a pickle (of PyTorch's torch.save, for example), which is not opened, since it can "
    "run code: write the state_dict with safetensors.torch.save_file",
    b"\x89HDF": "HDF5",
    b"\x93NUMPY": "a single array",
    b"{": "JSON: if it is the -symbol.json of export, give the -0000.params beside it",
}


def read(path: StrPath) -> Arrays:
    """Return the arrays of a file, float32 (numbers too large for that are infinite).

    Raises:
        InputError: if it can't be read, is damaged, of another format, or holds sparse arrays or
            anything but numbers. Memory stays below some forty times the file's size.
    """
    try:
        with _open(path) as file:
            start = file.read(9)
            file.seek(0)
            arrays = _reader(start)(file)
        if not all(len(name) <= _MAX_NAME and name.isprintable() for name in arrays):
            raise _Damaged("a name is too long or has characters that none has")
        return arrays
    except OSError as error:
        raise InputError(
            f"{str(path)!r} can't be read ({error.strerror}): give a file of parameters"
        ) from error
    except InputError as error:
        raise InputError(f"{str(path)!r}: {error}") from error


def _open(path: StrPath) -> IO[bytes]:
    # A pipe or a device might never end.
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise InputError("that is no file: give a file of parameters")
    return open(path, "rb")


def _reader(start: bytes) -> Callable[[IO[bytes]], Arrays]:
    """Return what reads the format of a file that starts with these 9 bytes."""
    # First, since before its header, which is JSON, is the header's length: any bytes.
    if start[8:] == b"{":
        return _safetensors
    if start[:8] == struct.pack("<Q", _LIST):
        return _mxnet
    if start[:4] == b"PK\x03\x04":
        return _archive
    for begin, what in _OTHERS.items():
        if start.startswith(begin):
            raise InputError(f"it is {what}")
    raise InputError(
        "it is damaged or of a format that is not read: give a file that save_parameters wrote, or "
        "a .npz or .safetensors file"
    )


def _array(data: bytes, kind: str, shape: tuple[int, ...], order: Any = "C") -> numpy.ndarray:
    """Return an array of as many numbers as ``data`` has, as float32."""
    if 0 in shape:
        raise InputError(f"an array of shape {shape} has no numbers: initialize the model first")
    if kind == _BFLOAT16:
        numbers = (numpy.frombuffer(data, "<u2").astype("u4") << 16).view("f4")
    else:
        with numpy.errstate(over="ignore"):
            numbers = numpy.frombuffer(data, kind).astype("f4")
    return numbers.reshape(shape, order=order)


def _item_size(kind: str) -> int:
    return 2 if kind == _BFLOAT16 else numpy.dtype(kind).itemsize


class _Damaged(InputError):
    def __init__(self, where: str) -> None:
        super().__init__(f"it is damaged ({where}): give an intact copy")


class _Stream:
    """A file that is read in order, and says where something is wrong in it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._left = file, os.fstat(file.fileno()).st_size

    def take(self, count: int, what: str) -> bytes:
        """Return the next bytes."""
        data = self._file.read(count) if count <= self._left else b""
        if len(data) < count:
            raise _Damaged(f"{what} takes {count:,} bytes, and {self._left:,} are left")
        self._left -= count
        return data

    def numbers(self, kind: str, what: str) -> tuple[int, ...]:
        """Return numbers of a kind that ``struct`` knows."""
        return struct.unpack(f"<{kind}", self.take(struct.calcsize(f"<{kind}"), what))

    def end(self) -> None:
        """Raise InputError unless this is the end of the file."""
        if self._left:
            raise _Damaged(f"{self._left:,} bytes are left over")


def _mxnet(file: IO[bytes]) -> Arrays:
    """Read a file of ``mx.nd.save``: magic number, a reserved one, the arrays, their names."""
    stream = _Stream(file)
    _, _, count = stream.numbers("QQQ", "the header")
    arrays: list[numpy.ndarray] = []
    while len(arrays) < count:
        arrays.append(_mxnet_array(stream, f"array {len(arrays)} of {count}"))
    (num_names,) = stream.numbers("Q", "the number of names")
    if num_names not in (0, count):
        raise _Damaged(f"{count} arrays have {num_names} names")
    names = [f"arr_{i}" for i in range(count)]
    for i in range(num_names):
        (length,) = stream.numbers("Q", "the length of a name")
        try:
            names[i] = stream.take(length, "a name").decode()
        except UnicodeDecodeError as error:
            raise _Damaged("a name is not UTF-8") from error
    stream.end()
    if len(set(names)) < len(names):
        raise _Damaged("two arrays have the same name")
    return dict(zip(names, arrays))


def _mxnet_array(stream: _Stream, what: str) -> numpy.ndarray:
    (magic,) = stream.numbers("I", what)
    if magic in (_V2, _V3):
        (storage,) = stream.numbers("i", what)
        if storage in _SPARSE:
            raise InputError(f"{what} is sparse ({_SPARSE[storage]}): save it dense")
        if storage != 0:
            raise _Damaged(f"{what} is stored as {storage}")
    # Before there were magic numbers, in 2017, the number of dimensions was the first.
    old = magic not in (_V1, _V2, _V3)
    (num_dimensions,) = (magic,) if old else stream.numbers("i", what)
    if not 0 <= num_dimensions <= _MAX_DIMENSIONS:
        raise _Damaged(f"{what} has {num_dimensions} dimensions")
    shape = stream.numbers(f"{num_dimensions}{'I' if old else 'q'}", what)
    if any(size < 0 for size in shape) or not (shape or magic == _V3):
        raise InputError(f"{what} has no numbers: initialize the model first")
    # Of the device that it was on, nothing depends.
    _, _, number = stream.numbers("iii", what)
    if not 0 <= number < len(_MXNET_TYPES):
        raise _Damaged(f"{what} is of type {number}")
    kind = _MXNET_TYPES[number]
    return _array(stream.take(math.prod(shape) * _item_size(kind), what), kind, shape)


def _archive(file: IO[bytes]) -> Arrays:
    """Read a ``.npz`` file."""
    data = file.read()
    try:
        # Of a file, it would allocate as many bytes as the directory says.
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if any(pathlib.PurePosixPath(name).name == "data.pkl" for name in names):
                raise InputError(f"it is {_OTHERS[bytes([0x80])]}")
            if any(not name.endswith(".npy") for name in names):
                raise InputError("it is an archive, but not one of NumPy's")
            if any(name.endswith("/format.npy") for name in names):
                raise InputError("it has sparse arrays: save them dense")
            if len(set(names)) < len(names):
                raise _Damaged("two arrays have the same name")
            # Others can ask for any amount of memory.
            if any(member.compress_type not in _METHODS for member in members):
                raise InputError("it is compressed in an unusual way: write it with numpy.savez")
            if sum(member.file_size for member in members) > _MAX_COMPRESSION * len(data):
                raise InputError(
                    f"unpacked, it would be more than {_MAX_COMPRESSION} times as large: parameters "
                    "don't compress like that"
                )
            return {name[: -len(".npy")]: _npy(archive.read(name), name) for name in names}
    except InputError:
        raise
    except Exception as error:
        # Of the many kinds that damaged archives raise.
        raise _Damaged(f"{type(error).__name__}: {error}") from error


def _npy(data: bytes, name: str) -> numpy.ndarray:
    """Return the array of a ``.npy`` file; NumPy's own function would trust the shape."""
    file = io.BytesIO(data)
    version = numpy.lib.format.read_magic(file)
    (length,) = struct.unpack_from("<H" if version == (1, 0) else "<I", data, file.tell())
    if length > _MAX_HEADER:
        raise _Damaged(f"the header of {name!r} takes {length:,} bytes")
    header: Any = {
        (1, 0): numpy.lib.format.read_array_header_1_0,
        (2, 0): numpy.lib.format.read_array_header_2_0,
    }
    shape, by_columns, kind = header[version](file)
    if kind.kind not in "fiub":
        raise InputError(f"{name!r} holds {kind}, which are no numbers")
    numbers = data[file.tell() :]
    if math.prod(shape) * kind.itemsize != len(numbers):
        raise _Damaged(f"{name!r} of shape {shape} has {len(numbers):,} bytes")
    return _array(numbers, kind.str, shape, "F" if by_columns else "C")


def _safetensors(file: IO[bytes]) -> Arrays:
    """Read a ``.safetensors`` file."""
    size = os.fstat(file.fileno()).st_size
    (length,) = struct.unpack("<Q", file.read(8))
    if length > size - 8:
        raise _Damaged(f"the header takes {length:,} bytes, and {size - 8:,} are left")
    file.seek(0)
    try:
        tensors = safetensors.deserialize(file.read())
    except Exception as error:
        # What safetensors raises depends on its version.
        raise _Damaged(str(error)) from error
    arrays = {}
    for name, tensor in tensors:
        if tensor["dtype"] not in _SAFETENSORS_TYPES:
            raise InputError(f"{name!r} is of type {tensor['dtype']}: give floating-point numbers")
        kind = _SAFETENSORS_TYPES[tensor["dtype"]]
        arrays[name] = _array(bytes(tensor["data"]), kind, tuple(tensor["shape"]))
    return arrays
