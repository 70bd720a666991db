export TEAM_NAME="data platform"
