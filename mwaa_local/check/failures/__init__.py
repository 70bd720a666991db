"""Files of the user's that cannot be imported: what that means for MWAA. One judgement for DAG files and plugins."""
