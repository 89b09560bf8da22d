"""Claim: what a run lies on is read from the kernel's table: the longest mount point, its escapes, the last of two."""

from __future__ import annotations

import pytest

from triplepoint.store.filesystems import FileSystem, file_system

TABLE = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 27 0:30 / /home rw,relatime shared:7 master:2 - nfs4 server:/home rw,vers=4.2
31 30 0:31 / /home/me/scratch rw - lustre 10.0.0.1@tcp:/scratch rw,flock
32 27 0:32 / /mnt/with\040space\134and\011tab rw - cifs //server/share rw
33 27 0:33 / /mnt/a rw - xfs /dev/sdb rw
34 27 0:34 / /mnt/a rw - fuse.sshfs me@server: rw
35 27 0:35 / /mnt/local rw - fuse.fuse-overlayfs overlay rw
36 27 0:36 / /mnt/disk rw - fuseblk /dev/sdc1 rw
37 27 0:37 / /mnt/vm rw - 9p share rw
38 27 0:38 / /mnt/tmp rw - tmpfs tmpfs rw
39 27 0:39 / /mnt/ceph rw - ceph mon:/ rw
40 27 0:40 / /mnt/beegfs rw - beegfs beegfs_nodev rw
41 27 0:41 / /mnt/gpfs rw - gpfs gpfs rw
broken line
42 27 0:42 / /mnt/none
"""


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/etc/run.db", "ext4", False),
        ("/home/me/run.db", "nfs4", True),
        ("/home", "nfs4", True),
        ("/homework/run.db", "ext4", False),
        ("/home/me/scratch/run.db", "lustre", True),
        ("/home/me/scratchy/run.db", "nfs4", True),
        ("/mnt/with space\\and\ttab/run.db", "cifs", True),
        ("/mnt/a/run.db", "fuse.sshfs", True),
        ("/mnt/local/run.db", "fuse.fuse-overlayfs", False),
        ("/mnt/disk/run.db", "fuseblk", False),
        ("/mnt/vm/run.db", "9p", True),
        ("/mnt/tmp/run.db", "tmpfs", False),
        ("/mnt/ceph/run.db", "ceph", True),
        ("/mnt/beegfs/run.db", "beegfs", True),
        ("/mnt/gpfs/run.db", "gpfs", True),
        ("/mnt/none/run.db", "ext4", False),
    ],
)
def test_a_path_lies_on_the_longest_mount_point_above_it(path, kind, network):
    assert file_system(path, TABLE) == FileSystem(kind, network)


def test_a_link_is_followed_to_where_the_file_would_lie(tmp_path):
    (tmp_path / "link").symlink_to("/home/me/scratch")
    assert file_system(tmp_path / "link" / "run.db", TABLE).type == "lustre"


def test_without_a_table_nothing_is_known():
    assert file_system("/x", "") == FileSystem(None, False)


def test_the_kernels_own_table_is_read_where_there_is_one(tmp_path, monkeypatch):
    assert file_system(tmp_path).network in (True, False)
    monkeypatch.setattr("pathlib.Path.read_text", lambda *_, **__: (_ for _ in ()).throw(OSError()))
    assert file_system(tmp_path) == FileSystem(None, False)
