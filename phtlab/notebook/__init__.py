"""What the analysis is: a notebook read as roles, parameters and outputs."""
