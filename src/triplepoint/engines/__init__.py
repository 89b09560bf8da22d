"""Where matrices are analysed; the same results everywhere."""

from triplepoint.engines.engine import Engine, Task, Work, largest_first
from triplepoint.engines.serial import SerialEngine
from triplepoint.engines.threads import ThreadEngine

__all__ = ["Engine", "SerialEngine", "Task", "ThreadEngine", "Work", "largest_first"]
