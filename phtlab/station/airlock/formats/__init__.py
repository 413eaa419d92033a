"""The formats in which outputs may leave, each read as hostile input."""
