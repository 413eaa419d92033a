"""The station's console: web pages on its machine's loopback, for the people who work there.

The pages show what is in the station's folder, and call the same functions as the commands. See
`guard.py` for the checks of every request, `sessions.py` for who sends it, and `access.py` for what
they may do.
"""
