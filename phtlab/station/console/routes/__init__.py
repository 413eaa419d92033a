"""The console's routes, a module a page. Each calls the functions that the commands call."""
