"""The researcher's side: read a notebook, dispatch it, open what comes back."""
