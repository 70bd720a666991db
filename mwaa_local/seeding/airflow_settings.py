"""`airflow_settings.yaml`: connections, pools and variables of a project, in the format of the astro CLI. Pure.

Nothing on MWAA reads this file. `services.seeding` puts what it holds into the metadata database of this machine.

Source of the format: astro-cli, `settings/types.go` and `settings/settings.go`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from mwaa_local.environment.service_model import KeyPath
from mwaa_local.errors import SeedProblem
from mwaa_local.project import Project
from mwaa_local.remarks import Remark
from mwaa_local.seeding.file import SeedFile, counts, remarks_on

SETTINGS_FILE = "airflow_settings.yaml"
SECTIONS = ("connections", "pools", "variables")
CONNECTION_TEXTS = (
    "conn_id",
    "conn_uri",
    "conn_type",
    "conn_host",
    "conn_schema",
    "conn_login",
    "conn_password",
)
CONNECTION_FIELDS = (*CONNECTION_TEXTS, "conn_port", "conn_extra")
POOL_FIELDS = ("pool_name", "pool_slot", "pool_description")
VARIABLE_FIELDS = ("variable_name", "variable_value")
# Airflow's own limits: `sanitize_conn_id` (models/connection.py) and the columns of its tables.
NAME_CHARACTERS = 250
CONN_ID = re.compile(rf"[\w#!()\-.:/\\]{{1,{NAME_CHARACTERS}}}")
MAX_PORT = 65535
MAX_SLOTS = 2**31 - 1
UNLIMITED_SLOTS = -1
EXTRA_IN_URI = "__extra__"  # the query of a connection's URI under which Airflow expects JSON that is no flat mapping


@dataclass(frozen=True)
class Connection:
    """One connection; either `uri` or the other fields. `extra` is JSON."""

    conn_id: str
    line: int
    conn_type: str = ""
    host: str = ""
    schema: str = ""
    login: str = ""
    password: str = field(default="", repr=False)
    port: int | None = None
    extra: str = field(default="", repr=False)
    uri: str = field(default="", repr=False)

    def as_uri(self) -> str:
        """Return what Airflow takes as the value of `AIRFLOW_CONN_…`. Source: `Connection.get_uri` of Airflow 3.3.1."""
        if self.uri:
            return self.uri
        protocol, separator, host = self.host.rpartition("://")  # of an HTTP connection: https://api.example.com
        if protocol == self.conn_type:
            protocol, separator, host = "", "", self.host
        password = f":{quote(self.password, safe='')}" if self.password else ""
        login = f"{quote(self.login, safe='')}{password}@" if self.login or password else ""
        port = f":{self.port}" if self.port else ""
        at = "@" if port and not (login or host) else ""
        place = f"{protocol}{separator}{login}{quote(host, safe='')}{at}{port}"
        schema = f"/{quote(self.schema, safe='')}" if self.schema else ""
        return f"{self.conn_type.lower().replace('_', '-')}://{place}{schema}{self._query()}"

    def _query(self) -> str:
        extra = json.loads(self.extra) if self.extra else {}
        if not extra:
            return ""
        flat = all(isinstance(value, str) and value for value in extra.values())
        return ("?" if self.schema else "/?") + urlencode(extra if flat else {EXTRA_IN_URI: self.extra})


@dataclass(frozen=True)
class Pool:
    """One pool; -1 slots are without limit."""

    name: str
    line: int
    slots: int
    description: str = ""


@dataclass(frozen=True)
class Variable:
    """One Airflow variable."""

    name: str
    line: int
    value: str = field(repr=False)


@dataclass(frozen=True)
class KnownValues:
    """What DAGs may ask for: values of variables, URIs of connections, by name; names of pools."""

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    connections: Mapping[str, str] = field(default_factory=dict, repr=False)
    pools: frozenset[str] = frozenset()


@dataclass(frozen=True)
class AirflowSettings:
    """What the file holds, empty template entries left out. `oddities` are worth a look, though it can be used."""

    connections: tuple[Connection, ...] = ()
    pools: tuple[Pool, ...] = ()
    variables: tuple[Variable, ...] = ()
    oddities: tuple[SeedProblem, ...] = ()

    @classmethod
    def load(cls, project: Project) -> AirflowSettings:
        """Return the settings of the project, none without a file.

        Raises SettingsFileInvalid, listing every problem at once with its line.
        """
        return cls.read(settings_path(project))

    @classmethod
    def read(cls, path: Path) -> AirflowSettings:
        """Return the settings in that file; raises as `load`."""
        file = SeedFile.read(path)
        if file is None:
            return cls()
        root = file.mapping((), file.file.data, ("airflow",))
        sections = file.mapping(("airflow",), root.get("airflow"), SECTIONS)
        reader = _Reader(file, sections)
        connections, pools, variables = reader.connections(), reader.pools(), reader.variables()
        file.raise_for_violations()
        return cls(connections, pools, variables, tuple(file.oddities))

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What is odd about the file, for people."""
        return remarks_on(self.oddities, SETTINGS_FILE)

    @property
    def is_empty(self) -> bool:
        return not (self.connections or self.pools or self.variables)

    @property
    def counts(self) -> str:
        """What there is, for people: `1 connection, 2 variables`; "" for nothing."""
        return counts((("connection", self.connections), ("pool", self.pools), ("variable", self.variables)))

    def known(self) -> KnownValues:
        """Return what DAGs may ask for, to import them without a database."""
        return KnownValues(
            {variable.name: variable.value for variable in self.variables},
            {connection.conn_id: connection.as_uri() for connection in self.connections},
            frozenset(pool.name for pool in self.pools),
        )


def settings_path(project: Project) -> Path:
    """Return where the file is; it need not exist."""
    return project.root_dir / SETTINGS_FILE


class _Reader:
    """Reads the three sections, noting what is wrong in `file`."""

    def __init__(self, file: SeedFile, sections: Mapping[str, Any]) -> None:
        self._file = file
        self._sections = sections

    def _entries(self, section: str, fields: tuple[str, ...]) -> list[tuple[KeyPath, Mapping[str, Any]]]:
        """Return the entries that are not empty; one that has values but no name is a problem."""
        found = []
        path: KeyPath = ("airflow", section)
        for place, entry in self._file.entries(path, self._sections.get(section), fields):
            if entry.get(fields[0]) not in (None, ""):
                found.append((place, entry))
            # The template of the astro CLI comes with an example in the extra of a connection without a name.
            elif any(entry.get(name) not in (None, "") for name in fields[1:] if name != "conn_extra"):
                self._file.violate(place, f"has no {fields[0]}", f"give it a {fields[0]}, or remove the entry")
        return found

    def connections(self) -> tuple[Connection, ...]:
        seen: dict[str, int] = {}
        return tuple(self._connection(*entry, seen) for entry in self._entries("connections", CONNECTION_FIELDS))

    def _connection(self, path: KeyPath, entry: Mapping[str, Any], seen: dict[str, int]) -> Connection:
        text = {name: self._file.text((*path, name), entry.get(name)) for name in CONNECTION_TEXTS}
        conn_id = text["conn_id"]
        self._file.once(path, conn_id, seen, "connection")
        if not CONN_ID.fullmatch(conn_id):
            rule = f"may hold letters, digits and _ # ! ( ) - . : / \\ only, at most {NAME_CHARACTERS}"
            self._file.violate((*path, "conn_id"), rule, "choose a name that Airflow takes")
        port = self._file.number((*path, "conn_port"), entry.get("conn_port"), 0, MAX_PORT)
        extra = self._extra((*path, "conn_extra"), entry.get("conn_extra"))
        line = self._file.file.line(path)
        if self._uri_counts(path, text, port, extra):
            return Connection(conn_id, line, uri=text["conn_uri"])
        if not text["conn_type"]:
            self._file.violate(path, f"{conn_id} has neither conn_type nor conn_uri", "give it a conn_type")
        return Connection(
            conn_id,
            line,
            conn_type=text["conn_type"],
            host=text["conn_host"],
            schema=text["conn_schema"],
            login=text["conn_login"],
            password=text["conn_password"],
            port=port or None,  # the astro CLI takes port 0 for none
            extra=extra,
        )

    def _uri_counts(self, path: KeyPath, text: Mapping[str, str], port: int | None, extra: str) -> bool:
        """Say whether the URI makes the connection: for the astro CLI, where no other field but the name is given."""
        if not text["conn_uri"]:
            return False
        place = (*path, "conn_uri")
        others = [name for name in CONNECTION_TEXTS[2:] if text[name]] + (["conn_port"] if port else [])
        if others:
            what = f"conn_uri of {text['conn_id']} has no effect beside {', '.join(others)}"
            self._file.remark(place, what, "keep one of the two ways")
            return False
        if "://" not in text["conn_uri"]:
            self._file.violate(place, "must be a URI", "write it as type://login:password@host:port/schema")
        if extra:
            fix = "put the extra into the URI as its query, or write conn_type, conn_host and so on"
            self._file.violate((*path, "conn_extra"), "cannot stand beside conn_uri", fix)
        return True

    def _extra(self, path: KeyPath, value: Any) -> str:
        """Return the extra as JSON: a mapping as it is (the astro CLI drops all in it but text), or a text of JSON."""
        if isinstance(value, Mapping):
            return json.dumps({name: item for name, item in value.items() if item is not None}) if value else ""
        text = self._file.text(path, value)
        if not text:
            return ""
        try:
            if isinstance(json.loads(text), dict):
                return text
        except (ValueError, RecursionError):
            pass
        self._file.violate(path, "must be a mapping, or the text of a JSON object", "write its keys indented under it")
        return ""

    def pools(self) -> tuple[Pool, ...]:
        seen: dict[str, int] = {}
        return tuple(self._pool(*entry, seen) for entry in self._entries("pools", POOL_FIELDS))

    def _pool(self, path: KeyPath, entry: Mapping[str, Any], seen: dict[str, int]) -> Pool:
        name = self._name(path, "pool_name", entry)
        self._file.once(path, name, seen, "pool")
        slots = self._file.number((*path, "pool_slot"), entry.get("pool_slot"), UNLIMITED_SLOTS, MAX_SLOTS)
        if slots is None and entry.get("pool_slot") in (None, ""):
            self._file.violate(path, f"the pool {name} has no pool_slot", "give it one, for example pool_slot: 1")
        description = self._file.text((*path, "pool_description"), entry.get("pool_description"))
        return Pool(name, self._file.file.line(path), slots or 0, description)

    def variables(self) -> tuple[Variable, ...]:
        seen: dict[str, int] = {}
        found = []
        for path, entry in self._entries("variables", VARIABLE_FIELDS):
            name = self._name(path, "variable_name", entry)
            self._file.once(path, name, seen, "variable")
            value = self._file.text((*path, "variable_value"), entry.get("variable_value"))
            if entry.get("variable_value") in (None, ""):
                self._file.remark(path, f"the variable {name} has no value and is left out", "give it one")
                continue
            found.append(Variable(name, self._file.file.line(path), value))
        return tuple(found)

    def _name(self, path: KeyPath, key: str, entry: Mapping[str, Any]) -> str:
        name = self._file.text((*path, key), entry.get(key))
        if len(name) > NAME_CHARACTERS:
            self._file.violate((*path, key), f"is longer than {NAME_CHARACTERS} characters", "choose a shorter name")
        return name
