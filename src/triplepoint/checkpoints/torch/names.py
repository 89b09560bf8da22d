"""What the global names of a pickle may mean: torch's element types, harmless names, and names that are an attack.

Nothing is ever imported or looked up by such a name. A class of another library becomes an inert stand-in; a name of
the standard library that is not known to be harmless says that the file means to run something.
"""

from __future__ import annotations

import _compat_pickle
import sys

ITEM_BYTES: dict[str, int] = {
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "qint8": 1,
    "quint8": 1,
    "quint4x2": 1,
    "quint2x4": 1,
    "float8_e5m2": 1,
    "float8_e4m3fn": 1,
    "float8_e8m0fnu": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2fnuz": 1,
    "float4_e2m1fn_x2": 1,
    "bits8": 1,
    "bits1x8": 1,
    "bits2x4": 1,
    "bits4x2": 1,
    "bits16": 2,
    "int16": 2,
    "uint16": 2,
    "float16": 2,
    "bfloat16": 2,
    "int32": 4,
    "uint32": 4,
    "qint32": 4,
    "float32": 4,
    "complex32": 4,
    "int64": 8,
    "uint64": 8,
    "float64": 8,
    "complex64": 8,
    "complex128": 16,
    **{f"{sign}int{bits}": 1 for sign in ("", "u") for bits in range(1, 8)},
}
"""`torch.dtype` by its name → bytes of one element, as torch stores it."""

STORAGES: dict[str, str] = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
    "UntypedStorage": "uint8",
    "_UntypedStorage": "uint8",
}
"""Storage class → type of its elements; an untyped one counts bytes."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ALL = _names("*")
_HARMLESS: dict[str, frozenset[str]] = {
    "_codecs": _names("encode"),
    "_io": _names("BytesIO StringIO"),
    "argparse": _names("Namespace"),
    "array": _names("array _array_reconstructor"),
    "builtins": _names(
        "bool bytearray bytes complex dict float frozenset int list object range set slice str tuple type "
        "Ellipsis NotImplemented abs all any enumerate iter len max min reversed round sorted sum zip"
    ),
    "copyreg": _names("_reconstructor __newobj__ __newobj_ex__"),
    "functools": _names("partial"),
    "logging": _names("getLogger Logger RootLogger"),
    "operator": _names("add getitem itemgetter matmul mul neg sub truediv"),
    "re": _names("_compile compile"),
    "threading": _names("Lock RLock"),
    "time": _names("struct_time"),
    "types": _names("SimpleNamespace MappingProxyType NoneType GenericAlias"),
    **dict.fromkeys(
        _names(
            "_collections _decimal abc collections dataclasses datetime decimal enum fractions ipaddress itertools "
            "math numbers pathlib pathlib._local random string typing uuid zoneinfo"
        ),
        _ALL,
    ),
}
"""Names of the standard library that real checkpoints carry: settings, paths, dates, counters. All become inert."""

_TORCH_CODE = (
    "torch._dynamo",
    "torch._inductor",
    "torch._ops",
    "torch.compiler",
    "torch.distributed.rpc",
    "torch.fx",
    "torch.hub",
    "torch.jit._serialization",
    "torch.multiprocessing",
    "torch.ops",
    "torch.package",
    "torch.utils.bottleneck",
    "torch.utils.collect_env",
    "torch.utils.cpp_extension",
    "torch.utils.model_zoo",
)
_TORCH_LOADERS = frozenset(
    {"load", "load_url", "load_state_dict_from_url", "script", "trace", "CompilationUnit"}
)


def modern(module: str, name: str) -> tuple[str, str]:
    """The name in Python 3 where Python 2, or protocol 2 on its behalf, wrote another."""
    found = _compat_pickle.NAME_MAPPING.get((module, name))
    return found or (_compat_pickle.IMPORT_MAPPING.get(module, module), name)


def runs_code(module: str, name: str) -> bool:
    """Whether asking for it shows that the file is no honest checkpoint. The name must be a `modern` one.

    A dotted name (`numpy`, `os.system`) reaches through a module into what that has imported.
    """
    top = module.partition(".")[0]
    if not sys.stdlib_module_names.isdisjoint(name.split(".")[:-1]):
        return True
    if top == "torch":
        code = any(module == prefix or module.startswith(f"{prefix}.") for prefix in _TORCH_CODE)
        return code or name.rpartition(".")[2] in _TORCH_LOADERS
    if top not in sys.stdlib_module_names:
        return False
    allowed = _HARMLESS.get(module, frozenset())
    return "." in name or not (allowed is _ALL or name in allowed)
