"""`phtlab key`: make, show, export and guard one's keys."""
