"""On what kind of file system a run lies: write-ahead logging needs memory that all its readers share.

Over a network each machine has memory of its own, so that a log written there corrupts the file (SQLite, "Write-Ahead
Logging", section 1). Linux says in `/proc/self/mountinfo` what is mounted where; elsewhere nothing is known, and SQLite
is asked for its log and believed if it says that it has one.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_NETWORK = frozenset({
    *("nfs", "nfs4", "lustre", "gpfs", "mmfs", "cifs", "smb", "smb2", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph"),
    *("beegfs", "fhgfs", "9p", "virtiofs", "glusterfs", "pvfs2", "orangefs", "panfs", "wekafs", "davfs", "dvs"),
    *("ocfs2", "gfs", "gfs2", "vboxsf", "vmhgfs", "prl_fs", "drvfs", "acfs", "quobyte", "moosefs", "iprs"),
})  # fmt: skip
"""Types of `mountinfo` behind which other machines, or the host of a virtual one, may write."""
_LOCAL_FUSE = frozenset({"fuse.fuse-overlayfs", "fuse.ntfs", "fuse.ntfs-3g", "fuse.exfat", "fuse.mergerfs"})
"""Every other `fuse.…` (sshfs, s3fs, rclone, gcsfuse, JuiceFS) is taken for a network."""
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class FileSystem:
    """What a path lies on."""

    type: str | None
    """As the kernel calls it; None where it does not say."""
    network: bool
    """Whether another machine may write there too."""


def file_system(path: str | os.PathLike[str], mountinfo: str | None = None) -> FileSystem:
    """That of the longest mount point above `path`, which need not exist; `mountinfo` in place of the kernel's."""
    if mountinfo is None:
        try:
            mountinfo = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return FileSystem(None, False)
    target = os.path.realpath(path)
    best, found = -1, None
    for line in mountinfo.splitlines():
        point, kind = _mount(line)
        # What was mounted later over the same place hides what was there.
        if point is not None and len(point) >= best and _above(point, target):
            best, found = len(point), kind
    return FileSystem(found, found is not None and _is_network(found))


def _mount(line: str) -> tuple[str | None, str | None]:
    """(mount point, type) of `36 35 98:0 /root /point rw,noatime shared:1 - ext3 /dev/root rw`."""
    fields, separator, after = line.partition(" - ")
    words, kind = fields.split(" "), after.split(" ")[0]
    if not separator or len(words) < 5 or not kind:
        return None, None
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), words[4]), kind


def _above(point: str, target: str) -> bool:
    return point in ("/", target) or target.startswith(point + "/")


def _is_network(kind: str) -> bool:
    return kind in _NETWORK or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE)
