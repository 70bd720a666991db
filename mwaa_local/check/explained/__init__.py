"""Every rule of the checks, explained: the one place that `check dags --explain`, the pages of rules and tests read."""
