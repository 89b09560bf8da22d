"""One SQLite file a run: whole frames, one writer, any number of readers."""
