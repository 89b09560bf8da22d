"""W among replicas of a chosen null (`--null`; see `nulls.replicas`)."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import ReplicaNull

SOURCE = "Phipson & Smyth 2010, arXiv 1603.05766"


def replica_p(replica: ReplicaNull) -> float:
    """(1 + #{replicas as far from their common mean as W})/(B + 1): p-value of the whole spectrum.

    Distance D = sup |F − F̄|, F̄ the mean over W and all replicas. At least 1/(B + 1).
    """
    return replica.p_value


def replica_p_error(replica: ReplicaNull) -> float:
    """√(p(1 − p)/B): Monte-Carlo standard error of replica_p."""
    return replica.p_error


def replica_edge_p(replica: ReplicaNull) -> float:
    """(1 + #{replicas whose largest eigenvalue is at least λmax})/(B + 1)."""
    return replica.edge_p


def num_components(replica: ReplicaNull) -> float:
    """Leading eigenvalues above the 95 % quantile of the replicas' largest: parallel analysis.

    With sign flips the noise may have another variance in every row and column (arXiv 2012.02985).
    """
    return float(replica.num_components)


_EXAMPLE = ReplicaNull("signflip", 199, 0.02, 0.01, 0.005, 3)
_NULL = (
    "Rejected is the named null with all it assumes; `gaussian` and `shuffle` also reject uneven variance."
)

METRICS = (
    Metric(replica_p, "1", (0, 1), SOURCE, misleads=_NULL, group="null", examples=(((_EXAMPLE,), 0.02),)),
    Metric(replica_p_error, "1", (0, 1), SOURCE, group="null", examples=(((_EXAMPLE,), 0.01),)),
    Metric(
        replica_edge_p,
        "1",
        (0, 1),
        SOURCE,
        misleads=f"{_NULL} It looks at λmax alone.",
        group="null",
        examples=(((_EXAMPLE,), 0.005),),
    ),
    Metric(
        num_components,
        "count",
        (0, None),
        "Horn 1965, Psychometrika 30; Hong, Sheng & Dobriban 2020, arXiv 2012.02985",
        misleads="A strong component shadows weaker ones: it raises the largest eigenvalue of sign flips and shuffles.",
        group="null",
        examples=(((_EXAMPLE,), 3.0),),
    ),
)
