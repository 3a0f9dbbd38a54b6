"""What the controller does before it plans, and once a run is done.

See workflow/cluster/{recovery,repeating,rounds,unchanged,watching_jobs}.py.
"""

import recovery
import repeating
import rounds
import unchanged
import watching_jobs
from mirage.paper.userstudy.recipe import answers_folders

rounds.only_with_reason()
repeating.ask_once()
if workflow.is_main_process:
    recovery.refuse_to_unlock_another()
    recovery.submit_with_patience()
    recovery.take_over_finished_jobs()
    watching_jobs.never_lost()
    unchanged.plan_only_changes(ROOT, config, answers_folders(SCALE))


onsuccess:
    unchanged.remember(workflow)
