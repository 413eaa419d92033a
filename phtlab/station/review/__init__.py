"""Review of a train before its approval: its notebook as text, and the findings of a machine.

Nothing of a notebook is run, and a page or a terminal shows it only as text. Content that needs a
parser (syntax trees, differences, markdown) is parsed in a separate process with little memory and
time and no access to files or network (`worker`).
"""
