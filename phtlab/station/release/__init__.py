"""Outputs that the airlock holds for a person: views, votes, redaction and release."""
