"""The consortium's TUF repository: root, targets, and the pinned local copy."""
