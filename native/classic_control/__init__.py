"""The classic control tasks of Gymnasium."""
