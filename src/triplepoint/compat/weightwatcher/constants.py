"""The names that programs import from `weightwatcher.constants`, with the values of WeightWatcher 0.7.7."""

from __future__ import annotations

from typing import Any

UNKNOWN = "unknown"

# Keys of DEFAULT_PARAMS.
ADD_BIASES, CHANNELS_STR, CONV2D_FFT, CONV2D_NORM = "add_biases", "channels", "conv2d_fft", "conv2d_norm"
DELTA_ES, DETX, FFT, FINGER_THRESH, FIT, FIX_FINGERS = (
    *("deltaEs", "detX", "fft", "finger_thresh", "fit", "fix_fingers"),
)
GLOROT_FIX, GLOROT_FIT, INTRA, INVERSE, LAYERS = "glorot_fix", "glorot_fit", "intra", "inverse", "layers"
MAX_EVALS, MAX_FINGERS, MAX_N, MIN_EVALS, MP_FIT = "max_evals", "MAX_FINGERS", "max_N", "min_evals", "mp_fit"
NORMALIZE, PEFT, PL_PACKAGE, PLOT, POOL, RANDOMIZE = (
    *("normalize", "peft", "pl_package", "plot", "pool", "randomize"),
)
RESCALE, SAVEDIR, SAVEFIG, SMOOTH, SPARSIFY, STACKED = (
    *("rescale", "savedir", "savefig", "smooth", "sparsify", "stacked"),
)
START_IDS, SVD_METHOD, TOLERANCE, VECTORS, WW2X, XMAX, XMIN_MAX = (
    *("layer_ids_start", "svd_method", "tolerance", "vectors", "ww2x", "xmax", "xmin_max"),
)

# Values of options.
FAST = FAST_SVD = "fast"
ACCURATE = ACCURATE_SVD = "accurate"
VALID_SVD_METHODS = [FAST_SVD, ACCURATE_SVD]
PL, POWER_LAW, TPL, E_TPL, TRUNCATED_POWER_LAW = "PL", "power_law", "TPL", "E_TPL", "truncated_power_law"
POWERLAW = POWERLAW_PACKAGE = "powerlaw"
WW_POWERLAW = WW_POWERLAW_PACKAGE = DEFAULT_POWERLAW_PACKAGE = "ww"
FORCE = XMAX_FORCE = "force"
XMIN_PEAK, CLIP_XMAX = "xmin_peak", "clip_xmax"
RAW, EUCLIDEAN, CKA = "raw", "euclidean", "cka"
SVD, RMT, LAMBDA_MIN, AUTO = "svd", "rmt", "alpha_min", "auto"
PEFT_WITH_BASE = "with_base"
FIRST, LAST = "first", "last"

# What a model is.
PYTORCH, TENSORFLOW, KERAS, ONNX, PYSTATEDICT = "pytorch", "tensorflow", "keras", "onnx", "pystatedict"
SAFETENSORS, KERAS_H5_FILE, WW_FLATFILES = "safetensors", "keras_h5_file", "ww_flatfiles"

# Values in tables.
SUCCESS, FAILED = "success", "failed"
OVER_TRAINED, UNDER_TRAINED = "over-trained", "under-trained"
OVER_TRAINED_THRESH, UNDER_TRAINED_THRESH = 2.0, 6.0
NORM, DENSE, CONV1D, CONV2D, EMBEDDING = "norm", "dense", "conv1d", "conv2d", "embedding"

# Defaults.
DEFAULT_MIN_EVALS, DEFAULT_MAX_EVALS, DEFAULT_MAX_N, DEFAULT_START_ID = 8, 15000, 50000, 0
DEFAULT_MAX_FINGERS, DEFAULT_FINGER_THRESH = 10, 1.0
DEFAULT_POOL, DEFAULT_WW2X, DEFAULT_PEFT, DEFAULT_XMAX = True, False, False, None
DEF_SAVE_DIR = "ww-img"
EVALS_THRESH, EPSILON, WEAK_RANK_LOSS_TOLERANCE = 1e-5, 1e-10, 1e-6


class LAYER_TYPE:
    """Kinds of layers, as `layers=` takes them and `layer_type` names them."""

    UNKNOWN, STACKED, FLATTENED = UNKNOWN, "stacked", "flattened"
    DENSE, CONV1D, CONV2D, EMBEDDING, NORM = DENSE, CONV1D, CONV2D, EMBEDDING, NORM


LAYER_TYPES_SUPPORTED = [CONV2D, CONV1D, DENSE, EMBEDDING, NORM]


class FRAMEWORK:
    """What a model is, as `WeightWatcher.infer_framework` says it."""

    UNKNOWN, PYTORCH, KERAS, ONNX = UNKNOWN, PYTORCH, KERAS, ONNX
    PYSTATEDICT, PYSTATEDICT_DIR = PYSTATEDICT, "pystatedict_dir"
    WW_FLATFILES, KERAS_H5_FILE = WW_FLATFILES, KERAS_H5_FILE


class METRICS:
    """Names of columns."""

    NORM, LOG_NORM, SPECTRAL_NORM, LOG_SPECTRAL_NORM = (
        "norm",
        "log_norm",
        "spectral_norm",
        "log_spectral_norm",
    )
    ALPHA, ALPHA_WEIGHTED, LOG_ALPHA_NORM = "alpha", "alpha_weighted", "log_alpha_norm"
    STABLE_RANK, MP_SOFTRANK = "stable_rank", "mp_softrank"
    MATRIX_RANK, MATRIX_ENTROPY = "matrix_rank", "entropy"


class CHANNELS:
    """Where the channels of a kernel stand."""

    UNKNOWN, FIRST, LAST = UNKNOWN, FIRST, LAST


DEFAULT_PARAMS: dict[str, Any] = {
    **dict.fromkeys((ADD_BIASES, CONV2D_FFT, DELTA_ES, FFT, GLOROT_FIX, INTRA, INVERSE, MP_FIT), False),
    **dict.fromkeys((NORMALIZE, PLOT, STACKED), False),
    **dict.fromkeys((CONV2D_NORM, DETX, RANDOMIZE, RESCALE, SAVEFIG, SPARSIFY, VECTORS), True),
    **dict.fromkeys((CHANNELS_STR, FIX_FINGERS, SMOOTH, XMIN_MAX), None),
    FINGER_THRESH: DEFAULT_FINGER_THRESH,
    FIT: POWER_LAW,
    MAX_EVALS: DEFAULT_MAX_EVALS,
    MAX_FINGERS: DEFAULT_MAX_FINGERS,
    MAX_N: DEFAULT_MAX_N,
    MIN_EVALS: DEFAULT_MIN_EVALS,
    PEFT: DEFAULT_PEFT,
    PL_PACKAGE: DEFAULT_POWERLAW_PACKAGE,
    POOL: DEFAULT_POOL,
    SAVEDIR: DEF_SAVE_DIR,
    START_IDS: DEFAULT_START_ID,
    SVD_METHOD: FAST_SVD,
    TOLERANCE: WEAK_RANK_LOSS_TOLERANCE,
    WW2X: DEFAULT_WW2X,
    XMAX: DEFAULT_XMAX,
}
"""The parameters of methods that take `params`; as in WeightWatcher not the defaults of `analyze`."""

__all__ = [name for name in dir() if name.isupper() or name in ("LAYER_TYPE",)]
