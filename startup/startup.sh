#!/bin/bash
# MWAA sources this with bash in every component before packages are installed and Airflow starts.
# What is exported here reaches Airflow; anything else is lost.

export TEAM_NAME="data platform"

if [ "$MWAA_AIRFLOW_COMPONENT" = "worker" ]; then
    echo "this is the worker: a place for what only tasks need"
fi
