"""The train as an OCI image: composed from a kernel image and the analysis, and verified."""
