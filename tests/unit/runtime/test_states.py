"""Every job on a GPU keeps its state, or is short and says how short."""

import re
from pathlib import Path

import pytest

WORKFLOW = Path(__file__).parents[3] / "workflow"
SHORT = {
    "check_evaluator": "3,788 test images twice through Inception-v3: 90 TFLOP",
    "import_target": "37,880 images once through ResNet-152: 870 TFLOP, two minutes",
    "calibrate": "measures for calibration_s seconds, all that an interruption can lose",
}
LONG = {
    "train_prior", "train_target", "synthesise_pool", "run_stage", "embed_real",
    "embed_attack", "measure_attack", "measure_target", "train_target_prior", "train_students",
}  # fmt: skip


def _rules():
    """Name -> text of every rule."""
    text = "\n".join(path.read_text() for path in sorted((WORKFLOW / "rules").glob("*.smk")))
    parts = re.split(r"^(?:rule|checkpoint) (\w+):$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


GPU = {name for name, text in _rules().items() if 'device=config["device"]' in text}


def test_the_walk_meets_every_gpu_rule():
    asking = {name for name, text in _rules().items() if re.search(r"^\s+gpu=", text, re.MULTILINE)}
    assert asking == GPU == LONG | set(SHORT)


@pytest.mark.parametrize("rule", sorted(GPU))
def test_a_gpu_job_keeps_state_or_is_short(rule):
    kept = f'state=state_file("{rule}")' in _rules()[rule]
    assert kept != (rule in SHORT)


@pytest.mark.parametrize("rule", sorted(LONG))
def test_its_script_uses_and_removes_the_state(rule):
    script = (WORKFLOW / f"scripts/{rule}.py").read_text()
    assert "checkpoint = Checkpoint(task.params.state, job.identity(task))" in script
    written = [script.rindex(word) for word in ("task.output", "checkpoint.discard()")]
    assert written == sorted(written)  # the state goes only after every output is whole


@pytest.mark.parametrize("rule", sorted(GPU - {"import_target", "calibrate"}))
def test_a_gpu_that_is_too_small_names_a_setting(rule):
    rules, script = _rules(), (WORKFLOW / f"scripts/{rule}.py").read_text()
    setting = re.search(
        r"^@memory\.limited_by(?:_recipe|_(stage)|\(\"(\w+)\"\))$", script, re.MULTILINE
    )
    assert setting is not None
    own, named = setting.groups()
    of_stage = r"batch=asked\(config\)\[(?:stage\.batch|measured_target\.limit)\]"
    batch = of_stage if own else rf'batch=config\["{named}"\]' if named else "batch="
    assert bool(re.search(batch, rules[rule])) == bool(own or named)
