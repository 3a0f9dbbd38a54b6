"""What the rules ask the study about a data set, its store and its views."""


def dataset_source(wildcards):
    """Role -> path of what a data set is read from; none for one that comes with a package."""
    return {
        role: asset(name) for role, name in STUDY.assets_of(wildcards.dataset).items()
    }


def dataset_recipe(wildcards):
    """Settings of a prepared store."""
    return STUDY.dataset(wildcards.dataset)["recipe"]


def dataset_classes(wildcards):
    """Number of identities a data set must have."""
    return STUDY.classes(wildcards.dataset)


def checked_with(dataset):
    """A data set and those it must share nobody with."""
    return [dataset, *STUDY.dataset(dataset).get("disjoint_from", [])]


def dataset_manifests(wildcards):
    """Manifests of the stores one data set is checked with."""
    return [f"data/{name}/manifest.json" for name in checked_with(wildcards.dataset)]


def expectations(datasets):
    """What is to be found in the stores of data sets."""
    return {
        name: {
            "classes": STUDY.classes(name),
            **STUDY.dataset(name).get("published", {}),
        }
        for name in datasets
    }


def dataset_expectations(wildcards):
    """What is to be found in the stores one data set is checked with."""
    return expectations(checked_with(wildcards.dataset))


def kept_apart(datasets):
    """Pairs of data sets, private and public, that must share nobody."""
    return [
        (private, public)
        for private, public in in_use.kept_apart(STUDY)
        if private in datasets and public in datasets
    ]


def dataset_apart(wildcards):
    """Such pairs among the stores one data set is checked with."""
    return kept_apart(checked_with(wildcards.dataset))


def store_files(dataset):
    """The files of a prepared store."""
    return [
        f"data/{dataset}/{name}"
        for name in ("pixels.safetensors", "index.csv", "manifest.json")
    ]


def view_recipe(wildcards):
    """Settings of a view of a store."""
    return STUDY.view(wildcards.dataset, wildcards.view)


def view(dataset, name):
    """Path of a view."""
    return f"data/{dataset}/views/{name}.safetensors"
