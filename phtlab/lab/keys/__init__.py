"""Key files of a workspace, and the key agent that serves kernels."""
