"""Every job of the study, from the study alone."""

from collections.abc import Iterable, Iterator

from mirage.errors import MirageError
from mirage.forecast.units import Unit
from mirage.forecast.work import Job, Work, Workshop
from mirage.paper.contents import contents
from mirage.paper.item import Table
from mirage.study.cells import Attack
from mirage.study.stages import Stages

EVERYTHING = "report.html"
Plan = dict[Job, Work]


def plan(shop: Workshop, wanted: Iterable[str] = (EVERYTHING,)) -> Plan:
    """Find the jobs that make some files, as the workflow would, nothing being there yet.

    Weights shipped with the project are there.

    Args:
        shop: what each job does.
        wanted: files, relative to the results.

    Returns:
        Jobs in an order in which each comes after those it needs.

    Raises:
        MirageError: no job of the study makes a wanted file.
    """
    works = {job: shop.work(job) for job in _all_jobs(shop)}
    maker = {path: job for job, work in works.items() for path in work.outputs}
    ordered: Plan = {}
    for path in wanted:
        if path not in maker:
            raise MirageError(f"no job of the study makes {path}", f"such as {EVERYTHING}")
        _visit(maker[path], works, maker, ordered)
    return ordered


def needs(jobs: Plan) -> dict[Job, set[Job]]:
    """Which jobs each job waits for."""
    maker = {path: job for job, work in jobs.items() for path in work.outputs}
    return {
        job: {maker[path] for path in work.inputs if path in maker} for job, work in jobs.items()
    }


def _visit(first: Job, works: Plan, maker: dict[str, Job], ordered: Plan) -> None:
    """Enter a job after all it needs, depth first without recursion."""
    waiting = [(first, False)]
    while waiting:
        job, ready = waiting.pop()
        if job in ordered:
            continue
        if ready:
            ordered[job] = works[job]
            continue
        waiting.append((job, True))
        waiting += [(maker[path], False) for path in works[job].inputs if path in maker]


def _all_jobs(shop: Workshop) -> Iterator[Job]:
    study = shop.study
    for dataset in study.datasets_in_use:
        yield Job.of("prepare_store", dataset=dataset)
        for view in study.dataset(dataset)["views"]:
            yield Job.of("prepare_view", dataset=dataset, view=view)
    attacked = [attack.target for attack in study.attacks]
    for measured in dict.fromkeys(study.measured(cell.dataset, cell.seed) for cell in attacked):
        yield Job.of("embed_real", measured=measured)
    for dataset in study.scale["networks"]:
        if study.released_evaluator(dataset):
            yield Job.of("check_evaluator", dataset=dataset)
    yield Job.of("check_data")
    for asset in study.foreign:
        yield Job.of("import_weights", foreign=asset)
    for prior, entry in study.scale["priors"].items():
        if entry["source"]["kind"] == "pickle":
            yield Job.of("import_prior", prior=prior)
        elif study.scale["trained_priors"] == "priors":
            yield Job.of("train_prior", prior=prior)
    for target in dict.fromkeys([*study.targets, *study.evaluators]):
        if target in study.released_targets:
            yield Job.of("import_target", target=target.cell)
        else:
            yield Job.of("train_target", target=target.cell)
    pools = {(study.drawn_pool(attack), study.image_px(attack.target)) for attack in study.attacks}
    for pool, side in sorted(pools):
        yield Job.of("synthesise_pool", pool=pool, image_px=str(side))
    for attack in study.attacks:
        yield from _attack_jobs(shop, attack)
    for name, item in contents(study.scale).items():
        yield Job.of("make_table" if isinstance(item, Table) else "draw_figure", item=name)
    for rule in ("run_toy", "write_report"):
        yield Job.of(rule)


def _attack_jobs(shop: Workshop, attack: Attack) -> Iterator[Job]:
    wildcards = {"target": attack.target.cell, "attack": str(attack)}
    for rule in ("embed_attack", "score_attack"):
        yield Job.of(rule, **wildcards)
    for measure in shop.study.measures(attack):
        yield Job.of("measure_attack", **wildcards, measure=measure)
    stages = Stages(shop.study, attack)
    for stage in stages.kind.stages:
        holder = stages.holder(stage)
        held = {"target": holder.target.cell, "attack": str(holder)}
        for part in stages.parts(stage):
            yield Job.of("run_stage", **held, part=part)
    if stage.cut:
        yield Job.of("merge_chunks", **held, stage=stage.result)


def units_of(jobs: Plan) -> list[Unit]:
    """Every unit of a plan, by batch, those of which most is run first.

    Of units that differ in their number of classes alone the one with the most is taken.
    """
    images: dict[str, float] = {}
    found: dict[str, Unit] = {}
    for work in jobs.values():
        for unit, count in work.calls:
            images[unit.timed_key] = images.get(unit.timed_key, 0.0) + count
            held = found.setdefault(unit.timed_key, unit)
            if unit.settings.get("classes", 0) > held.settings.get("classes", 0):
                found[unit.timed_key] = unit
    return [found[key] for key in sorted(found, key=lambda key: (-images[key], key))]


def every_unit(shop: Workshop) -> list[Unit]:
    """Units of the plan and of the trainings of priors that are shipped."""
    jobs = plan(shop)
    for prior, entry in shop.study.scale["priors"].items():
        if entry["source"]["kind"] == "trained":
            job = Job.of("train_prior", prior=prior)
            jobs[job] = shop.work(job)
    return units_of(jobs)
