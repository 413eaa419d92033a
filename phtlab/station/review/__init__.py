"""A train read before it is allowed: its notebook as text, and what a machine finds in it.

Nothing of a notebook is run, and nothing of it reaches a page or a terminal but as text. What
takes a parser to read (syntax trees, differences, markdown) is read in a process of its own, with
little memory and time and no way out (`worker`).
"""
