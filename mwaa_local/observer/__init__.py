"""What the launcher does beside a running environment, over time: one process, one file for each duty."""
