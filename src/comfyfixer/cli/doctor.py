"""`comfyfixer doctor`."""

from collections.abc import Iterator, Sequence

import click

from comfyfixer.cli.envelope import show
from comfyfixer.cli.options import Common, common_options
from comfyfixer.errors import EXIT_DONE, EXIT_REMOTE, EXIT_USAGE
from comfyfixer.model.problem import Problem
from comfyfixer.pipeline.doctor import Check, examine


@click.command("doctor")
@click.option("--no-network", is_flag=True, help="Do not ask the hubs.")
@common_options
def command(common: Common, *, no_network: bool) -> int:
    """Check settings, keys, hubs, disk and permissions.

    Shows each setting with where it comes from, and says how to mend what is wrong. Ends with 2 when something here has
    to be mended, with 4 when only a hub does not answer.
    """
    checks = list(examine(common.settings(), network=not no_network))
    bad = [check for check in checks if not check.ok]
    code = EXIT_DONE if not bad else EXIT_REMOTE if all(check.group == "hubs" for check in bad) else EXIT_USAGE
    problems = [
        Problem(code=check.code or "config-invalid", message=check.detail, hint=check.hint, where=check.name)
        for check in checks
        if check.code or not check.ok
    ]
    return show("doctor", checks, _lines(checks), as_json=common.as_json, exit_code=code, errors=problems)


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    group = ""
    for check in checks:
        if check.group != group:
            group = check.group
            yield group
        mark = "BAD" if not check.ok else "warn" if check.code else "ok"
        origin = f"  ({check.origin})" if check.origin else ""
        yield f"  {mark:5}{check.name}: {check.detail}{origin}" + (f" [{check.code}]" if check.code else "")
        if check.hint:
            yield f"        -> {check.hint}"
