"""A researcher's connection: session, pinned trust, and kernel images' manifests."""
