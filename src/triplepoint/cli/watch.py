"""`triplepoint watch DIR`: a folder of checkpoints into a run, as they appear."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from triplepoint.cli import failures, interrupts, options
from triplepoint.cli.output import emit
from triplepoint.report.text import safe_text

if TYPE_CHECKING:
    from triplepoint.monitor.watching import Seen
    from triplepoint.records import Alert

FINDINGS = 1
_EXITS = (
    "Exit codes: 0 done; 1 with --fail-on: an alert as loud, or no checkpoint could be read; 2 wrong usage; "
    "130 interrupted: what was scanned is in the run, and the same command goes on from there."
)


@click.command(
    name="watch", short_help="Scan the checkpoints of a training as they appear, into a run.", epilog=_EXITS
)
@click.argument("folder", metavar="DIR")
@click.option("--run", metavar="NAME|PATH", help="The run; default: the name of DIR, under ./runs.")
@click.option(
    "--seconds",
    type=click.FloatRange(0.01, 86_400),
    default=10.0,
    show_default=True,
    help="Between two looks; a checkpoint is taken when nothing in it changed between them.",
)
@click.option("--once", is_flag=True, help="Take what is there now and end.")
@options.layers
@options.mode("As of a scan.")
@options.workers
@options.seed("Of everything random.")
@options.allow_pickle
@options.layout
@options.max_tensors
@click.option(
    "--rules", multiple=True, metavar="NAME", help="Only these rules; a leading ! excludes. Repeatable."
)
@click.option(
    "--sink",
    "sinks",
    multiple=True,
    metavar="NAME",
    help="Also send to trackio, wandb, tensorboard, mlflow or jsonl:FILE. Repeatable.",
)
@click.option(
    "--webhook", "webhooks", multiple=True, metavar="URL", help="Post every alert there. Repeatable."
)
@click.option(
    "--stop-on",
    multiple=True,
    metavar="RULE|SEVERITY",
    help="End after such an alert. Repeatable.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["never", "info", "warning", "error"]),
    default="never",
    show_default=True,
    help="Exit 1 at an alert this loud or louder, or where no checkpoint could be read.",
)
@click.option("--format", type=click.Choice(["text", "jsonl"]), default="text", show_default=True)
@click.pass_context
def command(
    ctx: click.Context,
    *,
    folder: str,
    run: str | None,
    seconds: float,
    once: bool,
    layers: tuple[str, ...],
    mode: str,
    workers: int | None,
    seed: int,
    allow_pickle: bool,
    layouts: tuple[str, ...],
    max_tensors: int,
    rules: tuple[str, ...],
    sinks: tuple[str, ...],
    webhooks: tuple[str, ...],
    stop_on: tuple[str, ...],
    fail_on: str,
    format: str,
) -> None:
    """Scan every checkpoint that appears in the folder DIR once it is whole, keep what is found in a run, and say what
    began or ceased to hold between them.

    The step is the number in the name (checkpoint-500, epoch=3-step=1200.ckpt). A run that is there goes on.
    """
    from triplepoint.monitor.actions import Webhook
    from triplepoint.monitor.watching import watch
    from triplepoint.request import ScanRequest

    request = ScanRequest(
        source=None,
        mode=mode,
        layers=layers or None,
        seed=seed,
        workers=workers,
        allow_pickle=allow_pickle,
        layouts=layouts,
        max_tensors=max_tensors,
    )
    seen: list[Seen] = []
    with interrupts.once_a_second(), interrupts.asked_to_end():
        found = watch(
            folder,
            run,
            seconds=seconds,
            once=once,
            request=request,
            rules=rules or None,
            sinks=sinks,
            actions=[Webhook(url) for url in webhooks],
            stop_on=stop_on,
        )
        try:
            for one in found:
                seen.append(one)
                emit(_lines(one) if format == "jsonl" else _text(one))
        except KeyboardInterrupt:
            click.echo("triplepoint: interrupted; the run holds what was scanned", err=True)
            ctx.exit(failures.INTERRUPTED)
    ctx.exit(_exit_code(seen, fail_on))


def _text(one: Seen) -> str:
    name = safe_text(one.path.name)
    head = f"step {'?' if one.step is None else format(one.step, ','):>9}  {name}:"
    if one.reason is not None:
        return f"{head} left out, {safe_text(one.reason)}\n"
    lines = [f"{head} {one.visits} tensors"]
    lines += [
        f"  {alert.state} {alert.severity}  {safe_text(alert.title)}: {safe_text(alert.statement)}"
        for alert in one.alerts
    ]
    return "\n".join(lines) + "\n"


def _lines(one: Seen) -> str:
    head = {"type": "checkpoint", "name": one.path.name, "step": one.step, "tensors": one.visits}
    documents = [head | {"reason": one.reason}, *({"type": "alert", **_alert(alert)} for alert in one.alerts)]
    return "".join(json.dumps(document) + "\n" for document in documents)


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "rule": alert.rule,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "step": alert.step,
        "matrix": alert.matrix,
        "statement": alert.statement,
        "evidence": dict(alert.evidence),
    }


def _exit_code(seen: list[Seen], fail_on: str) -> int:
    if fail_on == "never":
        return 0
    from triplepoint.records import AlertState, Severity

    limit = Severity(fail_on).rank
    raised = (alert for one in seen for alert in one.alerts if alert.state is AlertState.raised)
    loud = any(alert.severity.rank >= limit for alert in raised)
    return FINDINGS if loud or all(one.reason is not None for one in seen) else 0
