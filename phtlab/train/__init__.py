"""The train as a value: manifest, image, order, record, seal, roster. Verification is pure."""
