"""The metadata database and the broker: their health, DAGs and runs in them."""
