"""The command line: `rewriting-agent --help`, or `python -m flows`."""

from typing import Any

import typer
import typer.core
from rich.console import Console
from rich.text import Text
from typer.exceptions import TyperException

from flows.commands.dashboard import dashboard_command, question_command, row_command
from flows.commands.export import export_command
from flows.commands.hand_on import dataset_command, model_command, push_command
from flows.commands.init import init_command
from flows.commands.judge_eval import judge_eval_command
from flows.commands.overlaps import overlaps_command
from flows.commands.plan import plan_command
from flows.commands.replay import replay_command
from flows.commands.report import frontier_command, lineage_command, report_command
from flows.commands.rewrite import rewrite_command
from flows.commands.run import ablation_command, run_command, study_command
from flows.commands.score import score_command
from flows.commands.store import app as store_app
from flows.commands.tables import tables_command
from flows.commands.verify import verify_command
from flows.commands.why import why_command


class _Group(typer.core.TyperGroup):
    """Ends with one line where something went wrong; the run's log holds the whole story."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, TyperException):
            raise
        except Exception as error:
            Console(stderr=True).print(Text(f"{type(error).__name__}: {error}", style="red"), soft_wrap=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Fine-tune a model on expert demonstrations and forget less: an RL agent rewrites them into the model's own "
    "distribution first.\n\nStart with `rewriting-agent run --backbone nano`: the whole experiment on a laptop.\n\n"
    "For a model and data of your own: `rewriting-agent init` writes the experiment's file.",
)

app.command("run")(run_command)
app.command("study")(study_command)
app.command("ablation")(ablation_command)
app.command("report")(report_command)
app.command("frontier")(frontier_command)
app.command("lineage")(lineage_command)
app.command("init")(init_command)
app.command("tables")(tables_command)
app.command("plan")(plan_command)
app.command("why")(why_command)
app.command("replay")(replay_command)
app.command("dashboard")(dashboard_command)
app.command("row")(row_command)
app.command("question")(question_command)
app.command("export")(export_command)
# Out of the store, for others.
app.command("dataset")(dataset_command)
app.command("model")(model_command)
app.command("push")(push_command)
# For a file of one's own, without the pipeline.
app.command("score")(score_command)
app.command("rewrite")(rewrite_command)
app.command("verify")(verify_command)
app.command("overlaps")(overlaps_command)
app.command("judge-eval")(judge_eval_command)
app.add_typer(store_app, name="store")
