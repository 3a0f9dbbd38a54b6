"""What the rules ask the study about priors and candidate pools."""


def prior_source(wildcards):
    """What a prior is made from: a published pickle, or our own training."""
    return STUDY.prior(wildcards.prior)["source"]


def prior_dataset(wildcards):
    """Settings of the public data set a prior is trained on."""
    return STUDY.dataset(prior_source(wildcards)["dataset"])["recipe"]


def prior_view(wildcards):
    """Settings of the view a prior is trained on."""
    source = prior_source(wildcards)
    return STUDY.view(source["dataset"], source["view"])


def prior_pickle(wildcards):
    """The published pickle a prior is imported from."""
    return asset(prior_source(wildcards)["asset"])


def prior_px(wildcards):
    """Side of the images a prior makes."""
    return STUDY.prior(wildcards.prior)["image_px"]


def prior_reference(wildcards):
    """Folder of the public answers a prior must repeat; nothing if none is named."""
    source = prior_source(wildcards)
    return asset(source["reference"]) if "reference" in source else []


def generator(prior):
    """Path of a prior's generator: made here, or shipped and then no rule's output."""
    shipped = SCALE["trained_priors"]
    if STUDY.prior(prior)["source"]["kind"] == "pickle" or shipped == "priors":
        return f"priors/{prior}/generator.safetensors"
    folder = f"{shipped}/{prior}"
    for name in ("generator", "discriminator"):
        if not (ROOT / folder / f"{name}.safetensors").exists():
            raise WorkflowError(
                f"{folder}/{name}.safetensors, which is shipped, is missing. Restore it (git "
                f"checkout -- {folder}), or have the prior trained: trained_priors: priors for "
                f"this scale in config.yaml."
            )
    return f"{HOME}/{folder}/generator.safetensors"


def pool_settings(wildcards):
    """Settings of a candidate pool, as one seed or all cells draw it."""
    return STUDY.pool_settings(wildcards.pool)


def pool_generator(wildcards):
    """The generator a candidate pool is drawn from; a pool has the size some target sees."""
    STUDY.require_size(int(wildcards.image_px))
    return generator(pool_settings(wildcards)["prior"])


def pool_recipe(wildcards):
    """Settings of a candidate pool, without the name of its prior."""
    return {k: v for k, v in pool_settings(wildcards).items() if k != "prior"}


def pool_crop(wildcards):
    """Centre crop of a pool's images, in generator pixels."""
    return STUDY.prior(pool_settings(wildcards)["prior"])["crop_px"]


def pool_prior_kind(wildcards):
    """Kind of the networks of a pool's prior."""
    return STUDY.prior_kind(pool_settings(wildcards)["prior"])
