"""What the controller does before it plans: see workflow/cluster/{recovery,repeating,rounds}.py."""

import recovery
import repeating
import rounds

rounds.only_with_reason()
repeating.ask_once()
if workflow.is_main_process:
    recovery.refuse_to_unlock_another()
    recovery.submit_with_patience()
    recovery.take_over_finished_jobs()
