"""Background processes that keep running after a command, their marks and their ports."""
