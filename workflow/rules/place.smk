"""Where everything lies: the checkout, its library, the folder of the results."""

import sys
from pathlib import Path

# Physical: one checkout has one name, by whatever link it is reached.
ROOT = Path(workflow.basedir).resolve()
SCRIPTS = ROOT / "workflow" / "scripts"
sys.path[:0] = [str(SCRIPTS), str(ROOT / "workflow" / "cluster")]

import quoting
from mirage import checkout
from mirage.errors import MirageError
from mirage.runtime import warm
from mirage.study import configuration
from refusing import Refused

quoting.quote_everything()
if workflow.overwrite_workdir is not None:
    # A cluster's job, which starts in this folder, would look for it below itself.
    workflow.overwrite_workdir = Path.cwd()


def results_folder():
    """The folder that all paths in the rules are relative to; --directory names another.

    Nothing is written before the configuration, which names the folder, has been checked.
    """
    try:
        checkout.refuse_path(Path(workflow.basedir))
        configuration.check(config)
        if workflow.overwrite_workdir is not None:
            return workflow.overwrite_workdir
        return checkout.working_folder(ROOT, config["scale"])
    except MirageError as error:
        raise Refused(str(error)) from None


if workflow.is_main_process:
    warm.begin_run()


def link_to_repository():
    """Let rules name files of the checkout wherever the results lie."""
    if workflow.is_main_process:
        try:
            checkout.link_back(ROOT, Path.cwd())
        except MirageError as error:
            raise Refused(str(error)) from None
