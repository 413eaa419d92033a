"""Proposals, approvals and accepted agreements, as central stores them."""
