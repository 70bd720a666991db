"""What can be said about a requirements file on MWAA without resolving it: the table of rules, and their findings.

Pure. Not for reading the file (`lines`), nor for what an index must be asked for: whether it resolves, what is yanked.
"""

from __future__ import annotations

from collections.abc import Sequence

from mwaa_local.check.requirements import rules_constraints, rules_files, rules_packages
from mwaa_local.check.requirements.lines import Entry
from mwaa_local.check.requirements.rule import Case, Rule, Startup
from mwaa_local.finding import Finding, in_order
from mwaa_local.release import Release

# A file has no limit in size on MWAA, so there is no rule about that.
RULES: dict[str, Rule] = {
    rule.id: rule for rule in (*rules_constraints.RULES, *rules_packages.RULES, *rules_files.RULES)
}


def findings(
    lines: Sequence[Entry], release: Release, private_webserver: bool = False, startup: Startup | None = None
) -> tuple[Finding, ...]:
    """Return what all rules find in a file that `lines.read` has read, by file and line.

    No message holds a secret of the file. `private_webserver` says that the environment's web server has no way to
    public indexes (WebserverAccessMode PRIVATE_ONLY). `startup` is what runs before pip, nothing by default.
    """
    case = Case(tuple(lines), release, private_webserver, startup or Startup())
    return in_order(finding for rule in RULES.values() for finding in rule.find(case))
