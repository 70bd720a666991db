"""What checks found, as text, JSON, JUnit, SARIF and GitHub's commands; proposals as a diff."""
