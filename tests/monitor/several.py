"""One of two processes over gloo: `python -m tests.monitor.several RANK FILE FOLDER`; prints what it saw as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

KINDS = ("ddp", "fully_shard", "flattened")


def model_of(kind: str) -> Any:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(24, 32), torch.nn.ReLU(), torch.nn.Linear(32, 16))
    if kind == "ddp":
        return torch.nn.parallel.DistributedDataParallel(model)
    if kind == "fully_shard":
        from torch.distributed.fsdp import fully_shard

        for part in (model[0], model[2], model):
            fully_shard(part)
        return model
    from torch.distributed.fsdp import FullyShardedDataParallel

    return FullyShardedDataParallel(model, device_id=torch.device("cpu"))


def watched(kind: str, rank: int, run: Path) -> dict[str, Any]:
    from triplepoint import Monitor
    from triplepoint.errors import UsageError

    model = model_of(kind)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    try:
        monitor = Monitor(model, run, None, schedule=4, tolerance=0.0)
    except UsageError as error:
        return {"refused": str(error)}
    with monitor:
        for step in range(1, 9):
            x = torch.randn(8, 24, generator=torch.Generator().manual_seed(10 * step + rank))
            model(x).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()
            monitor.step(step, train_loss=1.0)
    whole = {
        name: (value.full_tensor() if hasattr(value, "full_tensor") else value).detach()
        for name, value in model.named_parameters()
    }
    norms = {name.removeprefix("module."): float(value.square().sum()) for name, value in whole.items()}
    return {"norms": norms, "faults": monitor.cost.faults}


def main(rank: int, file: str, folder: str) -> dict[str, Any]:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    try:
        return {kind: watched(kind, rank, Path(folder, f"{kind}-{rank}")) for kind in KINDS}
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), *sys.argv[2:])))
