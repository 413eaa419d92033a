"""One stop: its folder, its verified offer, its verdict, and the sentences of its outcomes."""
