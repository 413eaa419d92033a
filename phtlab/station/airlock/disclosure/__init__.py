"""Statistical disclosure control of tables, figures and scalars, one module a rule."""
