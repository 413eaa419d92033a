"""The airlock: what may leave a station, one module a kind of output, and one a rule.

Everything that it reads was written by code that nobody trusts. It parses JSON, safetensors
headers, ONNX and skops models, zip and tar archives, each by a bounded reader that builds no
object, and PNG in a process of its own; it writes afresh whatever leaves, and a refusal names the
rule and never a value. docs/airlock.md has the rules with cases of the literature.
"""
