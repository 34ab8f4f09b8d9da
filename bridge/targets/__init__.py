"""Native environments as those of JAX libraries, for their trainers."""
