"""What the controller does before it plans: see workflow/cluster/{recovery,rounds}.py."""

import recovery
import rounds

rounds.only_with_reason()
if workflow.is_main_process:
    recovery.refuse_to_unlock_another()
    recovery.submit_with_patience()
    recovery.take_over_finished_jobs()
