"""Gigastep: two teams of aircraft that see little, shoot what they hold in sight, and crash."""
