"""Proposals, approvals and accepted agreements, as central keeps them."""
