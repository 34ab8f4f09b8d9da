"""`python -m bridge bench`: what a step costs here, beside what others need for the same."""
