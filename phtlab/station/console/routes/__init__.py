"""The console's routes, a module per page. Each calls the functions that the commands call."""
