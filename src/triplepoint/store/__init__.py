"""One SQLite file a run: whole frames, one writer, any number of readers, migrations, export."""

from triplepoint.store.places import find, place
from triplepoint.store.recording import Recorder
from triplepoint.store.run import Run, open_run
from triplepoint.store.writer import RunWriter

__all__ = ["Recorder", "Run", "RunWriter", "find", "open_run", "place"]
