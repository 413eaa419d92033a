"""Communication over HTTP: the API schema, and the clients of central and of the registry."""
