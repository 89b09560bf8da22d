"""Records → one document, and the browser modules that the single-file report and the live page share."""
