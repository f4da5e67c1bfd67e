"""The globals that a pickle of weights needs: each can build a tensor, a number or a plain container, and nothing else
as long as numpy's are used as `pickle_stack` lets them.

As `torch.load(weights_only=True)` allows them. Left out on purpose, because it unpickles again with everything allowed:
`torch.storage._load_from_bytes`.
"""

from collections.abc import Mapping
from typing import Final

_STORAGES: Final = (
    "BFloat16Storage", "BoolStorage", "ByteStorage", "CharStorage", "ComplexDoubleStorage", "ComplexFloatStorage",
    "DoubleStorage", "FloatStorage", "HalfStorage", "IntStorage", "LongStorage", "QInt32Storage", "QInt8Storage",
    "QUInt8Storage", "ShortStorage", "TypedStorage", "UntypedStorage",
)  # fmt: skip
_TORCH: Final = (
    "Size", "Tensor", "bfloat16", "bool", "channels_last", "complex128", "complex64", "contiguous_format", "device",
    "double", "dtype", "float", "float16", "float32", "float64", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2",
    "float8_e5m2fnuz", "half", "int", "int16", "int32", "int64", "int8", "long", "short", "sparse_coo", "strided",
    "uint16", "uint32", "uint64", "uint8",
)  # fmt: skip
_REBUILDERS: Final = (
    "_rebuild_meta_tensor_no_storage", "_rebuild_parameter", "_rebuild_parameter_with_state", "_rebuild_qtensor",
    "_rebuild_sparse_tensor", "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3",
)  # fmt: skip
_NUMPY: Final = (
    "bool_", "dtype", "float16", "float32", "float64", "int16", "int32", "int64", "int8", "ndarray", "uint16",
    "uint32", "uint64", "uint8",
)  # fmt: skip
_BUILTINS: Final = (
    "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "set", "str",
    "tuple",
)  # fmt: skip

WEIGHT_GLOBALS: Final[Mapping[str, frozenset[str]]] = {
    "torch": frozenset((*_STORAGES, *_TORCH)),
    "torch.cuda": frozenset(_STORAGES),
    "torch._utils": frozenset(_REBUILDERS),
    "torch._tensor": frozenset({"_rebuild_from_type_v2"}),
    "torch.nn.parameter": frozenset({"Buffer", "Parameter"}),
    "torch.storage": frozenset({"TypedStorage", "UntypedStorage"}),
    "torch.serialization": frozenset({"_get_layout"}),
    "collections": frozenset({"Counter", "OrderedDict", "defaultdict"}),
    "numpy": frozenset(_NUMPY),
    "numpy.core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy._core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "_codecs": frozenset({"encode"}),
    "builtins": frozenset(_BUILTINS),
    "__builtin__": frozenset(_BUILTINS),
}
"""Module to names."""
