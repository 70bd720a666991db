# -*- coding: latin-1 -*-
from __future__ import annotations

import datetime as dt

from airflow.sdk import *
from airflow.sdk import DAG as D, task as t

(a, *b), c = [1, 2, 3], lambda x=1, *y, z=2, **w: (x, y, z, w)
d: dict[str, object] = {**{}, "k": [i for i in range(3) if i]}
e = d["k"] if (f := d.get("k")) else None

match a:
    case {"password": "x"} | ["y", *_]:
        pass
    case str() as g:
        pass

with D(**{"dag_id": "odd", "schedule": None, "start_date": dt.datetime(2024, 1, 1)}) as dag:
    for i in range(2):
        t.python(task_id=f"x{i}")(lambda: None)() if False else None

    @t(*[], **{})
    async def h(*, password: str = None) -> "D":
        async with c() as k:
            yield await k
