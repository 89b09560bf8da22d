"""Records → what people and programs read: verdict, tables, files. Nothing here computes a result."""
