"""What the controller does before it plans: see workflow/cluster/recovery.py."""

import recovery

if workflow.is_main_process:
    recovery.refuse_to_unlock_another()
    recovery.submit_with_patience()
    recovery.take_over_finished_jobs()
