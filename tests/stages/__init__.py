"""The stages of `make test` and `.ci/run`: `python -m tests.stages [STAGE ...]`.

`stage` what a stage runs; `checks` the commands of the lint stage; `report` what pytest reported;
`reruns` which failed tests are run once more; `summary` the tables and the closing line.
"""
