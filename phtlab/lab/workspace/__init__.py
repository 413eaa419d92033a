"""One person's workspace: central's state, opened results, twins, and the person's actions."""
