"""The airlock: what may leave a station, one module a kind of output.

Everything that it reads was written by code that nobody trusts. It parses only
JSON, safetensors headers and (in a process of its own) PNG; it writes afresh
whatever leaves, and a refusal names the rule and never a value.
"""
