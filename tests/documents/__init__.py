"""The commands and the Python of README, CONTRIBUTING and docs, run as they are written."""
