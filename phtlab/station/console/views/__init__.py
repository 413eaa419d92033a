"""View models: what each page of the console shows, as values for its template."""
