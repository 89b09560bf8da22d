"""An edit from the checkpoint to its copy: scan, change tensor by tensor, write, scan again, take the name.

Nothing is changed in place and nothing stands under the name that was asked for before it is whole: the copy is written
beside it, read back and scanned. One tensor a worker is in memory, of a stack of experts one entry. A dry run makes the
tensors when the second scan asks for them and writes nothing. Where no matrix changes, nothing is written either.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triplepoint import __version__, asked, checkpoints, matrices, scanning
from triplepoint.checkpoints import Reader, shards
from triplepoint.checkpoints.safetensors import SafetensorsFile
from triplepoint.checkpoints.stored import FileReader
from triplepoint.checkpoints.writing import SafetensorsWriter, creating, in_order
from triplepoint.edit import companions, provenance, target
from triplepoint.edit.reader import EditedReader
from triplepoint.edit.reporting import edited_matrices
from triplepoint.edit.target import Target
from triplepoint.edit.tensors import EditedTensors, Piece, native
from triplepoint.edit.wish import Wish, wish
from triplepoint.errors import UsageError
from triplepoint.linalg import blas_threads
from triplepoint.nulls.settings import LEVEL
from triplepoint.records import Scan, TensorInfo
from triplepoint.records.edits import EditReport
from triplepoint.request import MAX_TENSORS, ScanRequest, chosen, settings_of, workers_of
from triplepoint.scanning import OnRow


def edit_checkpoint(
    source: Any,
    out: str | os.PathLike[str] | None = None,
    *,
    keep: str | int | None = None,
    remove: str | None = None,
    shrink: bool = False,
    layers: str | Iterable[str] | None = None,
    seed: int = 0,
    level: float = LEVEL,
    bulk: str = "quantiles",
    mode: str = "precise",
    workers: int | None = None,
    allow_pickle: bool = False,
    layouts: Mapping[str, str] | None = None,
    max_tensors: int = MAX_TENSORS,
    spectra: bool = False,
    dry_run: bool = False,
) -> EditReport:
    """A copy of a checkpoint with the spectrum of every counted matrix changed, and what the scan says of both.

    Exactly one of the three:

        keep     W' = Σ s u vᵀ over the leading components: `ecs`, `tail`, `spikes`, a number K, or a share such as
                 `10%`; see `edit.choosing`
        remove   `spikes`: without the components above the noise; `traps`: W − T + R, see `edit.traps`
        shrink   every singular value becomes what of it is signal, see `edit.shrinking`

    Fused parts and experts are changed one by one, kernel positions of a convolution together, adapters through their
    product. All else is copied byte for byte: vectors, what is not counted, quantised weights. Types are kept, and
    their rounding is part of the change that is reported. A tied tensor follows its partner. A matrix for which the
    edit means nothing, or everything, stays as it is and has a reason.

    Args:
        source: as for `scan`.
        out: a new file `NAME.safetensors`, or a new folder, which gets the shards of the source, and its configuration
            and tokenizer. None only for a dry run.
        keep, remove, shrink: the edit.
        layers: glob patterns over matrix ids; one that starts with `!` excludes.
        seed: of the shuffles in which traps are looked for and of the noise that takes their place.
        level, bulk: of spikes and traps, as for `scan`.
        mode: of the two scans; edits are always computed in double precision.
        workers: worker threads; they change no byte.
        allow_pickle, layouts, max_tensors: as for `scan`.
        spectra: keep the singular values before and after in the report.
        dry_run: write nothing.

    Returns:
        An `EditReport`. Where nothing was changed its `output` is None: nothing was written.

    Raises:
        UsageError: no edit or more than one; a place that exists, lies in the source or has no room; a tensor that
            safetensors cannot hold.
        UnreadableCheckpoint, UnsafeCheckpoint: as for `scan`.

    Cost: two scans and one eigendecomposition of every changed matrix. Memory: of the largest matrix its values twice
    in their type and M²·8 bytes twice, for traps 24 bytes an entry.

    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal((64, 32))
    >>> report = edit_checkpoint({"layer.weight": noise}, keep=5, dry_run=True)
    >>> report["layer.weight"].kept, report.after["layer.weight"].metrics["matrix_rank"]
    (5, 5.0)
    """
    return run(
        ScanRequest(
            source=source,
            mode=mode,
            layers=asked.names("layers", layers),
            seed=seed,
            workers=workers,
            allow_pickle=allow_pickle,
            layouts=asked.layouts(layouts),
            max_tensors=max_tensors,
            spectra=spectra,
            bulk=bulk,
            level=level,
        ),
        wish(keep, remove, shrink),
        out,
        dry_run=asked.flag("dry_run", dry_run),
    )


def run(
    request: ScanRequest, edit: Wish, out: Any = None, *, dry_run: bool = False, on_row: OnRow | None = None
) -> EditReport:
    """The edit, with a callback for every row of both scans; KeyboardInterrupt leaves nothing behind."""
    started = time.perf_counter()
    if out is None and not dry_run:
        raise UsageError("edit", "no place to write to", "Name one with -o OUT, or add --dry-run")
    settings, workers = settings_of(request), workers_of(request.workers)
    reader = checkpoints.open(
        request.source, allow_pickle=request.allow_pickle, max_tensors=request.max_tensors
    )
    target.refuse_tensors(reader)
    place = None if out is None else target.target(out, request.source, reader)
    inherited = {} if place is None else provenance.inherited(reader)
    before = _whole(scanning.run(request, on_row=on_row, reader=reader))
    overrides = matrices.overrides_of(request.layouts)
    plans = matrices.tie(matrices.plan(reader.tensors(), reader.config, reader.read, overrides), reader.read)
    plans = chosen(plans, request.layers)
    rows = [row for row in before.matrices if row.counted and row.status == "ok"]
    tensors = EditedTensors(reader, plans, rows, edit, settings)
    job = _Job(request, edit, reader, tensors, before, inherited, workers, on_row)
    after, notes, written = _dry(job) if dry_run or place is None else _written(job, place)
    followed = [
        f"{name} is tied to {keeper} and follows it."
        for name, keeper in tensors.followers.items()
        if tensors.touched(name)
    ]
    return EditReport(
        version=__version__,
        source=reader.source,
        format=reader.format,
        digest=before.provenance.digest,
        edit=str(edit),
        seed=request.seed,
        settings=job.settings,
        output=written,
        dry_run=dry_run,
        matrices=edited_matrices(rows, after, tensors),
        before=before,
        after=after,
        notes=(*followed, *notes),
        seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True, slots=True)
class _Job:
    request: ScanRequest
    edit: Wish
    reader: Reader
    tensors: EditedTensors
    before: Scan
    inherited: dict[str, str]
    workers: int
    on_row: OnRow | None

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the bytes beside source and edit."""
        return {
            "seed": self.request.seed,
            "level": self.request.level,
            "bulk": self.request.bulk,
            "mode": self.request.mode,
            "layers": list(self.request.layers) if self.request.layers else None,
            "layouts": list(self.request.layouts),
        }

    def scan(self, source: str, read: Any, values: Reader | None = None) -> Scan:
        """The scan of the copy."""
        edited = EditedReader(self.reader, source, read, values)
        return _whole(scanning.run(self.request, on_row=self.on_row, reader=edited))


def _whole(scan: Scan) -> Scan:
    """An edit after half a scan would be half an edit."""
    if scan.provenance.interrupted:
        raise KeyboardInterrupt
    return scan


def _dry(job: _Job) -> tuple[Scan, list[str], None]:
    return job.scan(f"{job.reader.source} ({job.edit})", job.tensors.read), [], None


class _NothingChangedError(Exception):
    """Ends the block in which a copy is written, so that it is thrown away."""


def _written(job: _Job, place: Target) -> tuple[Scan, list[str], str | None]:
    """The scan of the copy, notes, and where it is; nothing is written where no matrix changes."""
    found: list[companions.Companion] = []
    notes: list[str] = []
    folder = companions.folder_of(job.request.source) if place.folder else None
    if folder is not None:
        found, notes = companions.companions(folder)
    try:
        with creating(place.path) as partial:
            paths = _write(job, place, partial)
            if not job.tensors.changes:
                raise _NothingChangedError
            companions.copy(found, partial)
            # The digest holds the names of files, so that of a single one is what it will be called.
            files = [SafetensorsFile(path, None if place.folder else place.path.name) for path in paths]
            values: FileReader = shards.join(str(place.path), "safetensors", files, {})
            after = job.scan(str(place.path), values.read, values)
    except _NothingChangedError:
        return job.before, notes, None
    return after, notes, str(place.path)


def _write(job: _Job, place: Target, partial: Path) -> list[Path]:
    """Every file of the copy; the tensors that change are computed a few ahead."""
    if not place.folder:
        files = [(partial, place.shards[0][1])]
    else:
        partial.mkdir()
        files = [(partial / name, tensors) for name, tensors in place.shards]
    with blas_threads(1), ThreadPoolExecutor(job.workers, "triplepoint") as pool:
        for path, infos in files:
            _write_file(job, path, infos, pool)
    if len(files) > 1:
        name, document = target.index(place, job.request.source)
        (partial / name).write_text(json.dumps(document, indent=2) + "\n", encoding="ascii")
    return [path for path, _ in files]


def _write_file(job: _Job, path: Path, infos: tuple[TensorInfo, ...], pool: ThreadPoolExecutor) -> None:
    ordered = in_order(infos)
    fields = provenance.fields(
        job.reader, job.request.source, job.before.provenance.digest, str(job.edit), job.settings
    )
    among = job.tensors.names_of({info.name for info in infos})
    room = provenance.metadata(job.inherited, fields, list(among.values()), list(among.values()))
    with path.open("xb") as stream:
        writer = SafetensorsWriter(stream, infos, room)
        computed = _computed(job, ordered, pool)
        for info in ordered:
            writer.put(info, _pieces(job, info, computed))
            job.reader.release(info.name)
        changed = [name for id, name in among.items() if id in job.tensors.changes]
        writer.finish(provenance.metadata(job.inherited, fields, changed, list(among.values())))


def _pieces(job: _Job, info: TensorInfo, computed: Iterator[Any]) -> Iterator[Any]:
    if not job.tensors.touched(info.name):
        yield _as_stored(job.reader, info)
        return
    for _ in job.tensors.pieces(info.name):
        yield next(computed)


def _as_stored(reader: Reader, info: TensorInfo) -> Any:
    """The bytes of a tensor that stays, of safetensors without a look at what they mean."""
    if isinstance(reader, FileReader) and reader.format.startswith("safetensors"):
        place = reader.place(info.name)
        assert place is not None, "safetensors are mapped"
        return place[1]
    return native(info, reader.read(info.name))


def _computed(job: _Job, ordered: list[TensorInfo], pool: ThreadPoolExecutor) -> Iterator[Any]:
    """Every piece of the tensors that change, in order, at most one a worker ahead of what is written."""
    pieces = iter(
        [
            piece
            for info in ordered
            if job.tensors.touched(info.name)
            for piece in job.tensors.pieces(info.name)
        ]
    )
    waiting: deque[Future[Any]] = deque()

    def begin() -> None:
        piece: Piece | None = next(pieces, None)
        if piece is not None:
            waiting.append(pool.submit(job.tensors.read, *piece))

    for _ in range(job.workers):
        begin()
    while waiting:
        done = waiting.popleft()
        yield done.result()
        begin()
