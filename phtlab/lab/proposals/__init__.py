"""Proposals as their researcher works with them."""
