"""A researcher's connection: the pinned trust and the documents of kernel images."""
