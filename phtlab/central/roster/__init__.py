"""The published roster and catalogue of the consortium."""
