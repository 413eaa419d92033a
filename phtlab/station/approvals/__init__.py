"""Approvals of trains and proposals: terms, drafts, signatures and coverage."""
