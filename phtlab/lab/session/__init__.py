"""A researcher's connection: session, pinned trust, and the documents of kernel images."""
