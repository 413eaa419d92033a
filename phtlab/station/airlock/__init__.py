"""The airlock: checks of outputs before they leave a station, by kind of output and by rule.

The code that wrote the outputs is untrusted. Bounded readers parse JSON, safetensors headers, ONNX
and skops models, zip and tar archives, and build no objects; a separate process decodes PNG. The
airlock rewrites whatever leaves, and a refusal names the rule and never a value. docs/airlock.md
lists the rules with cases from the literature.
"""
