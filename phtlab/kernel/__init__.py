"""Kernel images: built reproducibly from Debian's archive and hashed wheels."""
