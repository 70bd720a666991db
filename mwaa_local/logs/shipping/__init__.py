"""From files to the log groups of an AWS on this machine, while tasks and components know nothing of it."""
