"""What was logged, as CloudWatch would hold it: groups, streams, events, and its patterns to choose among them."""
