"""No library at all: a whole rollout of many worlds as one compiled program."""
