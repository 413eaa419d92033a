"""How objects show themselves in a notebook: widgets, static HTML and text."""
