"""What goes over the wire: the API schema, and the clients of central and of the registry."""
