"""A plugin with one macro. On MWAA this folder travels as plugins.zip; zip its contents, not the folder itself."""

from airflow.plugins_manager import AirflowPlugin


def shout(text: str) -> str:
    """Return the text in capitals. In templates: {{ macros.hello_plugin.shout("...") }}."""
    return text.upper()


class HelloPlugin(AirflowPlugin):
    name = "hello_plugin"
    macros = [shout]
