"""The multi-agent particle environments of MPE2."""
