"""Files of `torch.save`: structure by an allow-list unpickler in a child process, values from the map."""
