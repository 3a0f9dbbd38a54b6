"""paper: tables, figures, the toy example, user studies and the report."""

from mirage.paper.claims import GROUPS
from mirage.paper.contents import caption, contents, files_of, own_scale
from mirage.paper.item import Picture, Plot, Table, metrics_files
from mirage.paper.items import ITEMS
from mirage.paper.judging import claimed_files, counted_data
from mirage.paper.userstudy.recipe import UserStudy, names

CONTENTS = contents(SCALE)
ITEM_FILES = [path for name, item in CONTENTS.items() for path in files_of(name, item)]
TEMPLATES = f"{HOME}/workflow/scripts/mirage/paper/templates/{{name}}"
PRINTED = sorted(path.stem for path in (ROOT / "workflow/presets/paper").glob("*.csv"))
item = asked(CONTENTS)[wildcards.item]
item_scale = asked(own_scale)(SCALE, item)
userstudy = asked(UserStudy)(study, wildcards.userstudy)


rule make_table:
    """A table of the paper with our numbers beside the printed ones."""
    input:
        cells=item.needs(study).inputs,
        templates=expand(
            TEMPLATES, name=["table.html", "table.tex", "page.html", "style.css"]
        ),
        printed=expand(PAPER_TABLE, name=item.reference),
    output:
        csv=report(
            "tables/{item}.csv",
            category=Table.category,
            caption="../report/item.rst",
            labels={"item": "{item}", "form": "CSV"},
        ),
        html="tables/{item}.html",
        tex="tables/{item}.tex",
        job="jobs/make_table/{item}.json",
    log:
        "logs/make_table/{item}.log",
    wildcard_constraints:
        item=one_of(name for name, item in CONTENTS.items() if isinstance(item, Table)),
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        scale=item_scale,
        name=config["scale"],
        item="{item}",
        caption=asked(caption)(item, SCALE["comparable"]),
        code=code("make_table", wildcards.item, item_scale),
    script:
        "../scripts/make_table.py"


rule run_toy:
    """The two-dimensional example of Section 3: three models, attacked with and without a stop."""
    output:
        toy="toy/toy.safetensors",
        table="toy/toy.csv",
        job="jobs/run_toy.json",
    log:
        "logs/run_toy.log",
    conda:
        "../../envs/mirage.yaml"
    params:
        settings=SCALE["paper"]["toy"],
        code=code("run_toy"),
    script:
        "../scripts/run_toy.py"


rule make_userstudy:
    """The page of a user study, which opens from disk, and the key that no annotator sees."""
    input:
        photographs=userstudy.photographs,
        galleries=userstudy.galleries,
        templates=expand(
            TEMPLATES, name=["userstudy.html", "userstudy.css", "userstudy.js"]
        ),
    output:
        page="study/{userstudy}.html",
        key="study/{userstudy}.key.json",
        job="jobs/make_userstudy/{userstudy}.json",
    log:
        "logs/make_userstudy/{userstudy}.log",
    wildcard_constraints:
        userstudy=one_of(names(SCALE)),
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        dataset=userstudy.dataset,
        treatments=userstudy.treatments,
        tasks=userstudy.tasks,
        seed=userstudy.seed,
        groups=userstudy.groups,
        code=code("make_userstudy"),
    script:
        "../scripts/make_userstudy.py"


rule draw_figure:
    """A figure of pictures."""
    input:
        cells=item.needs(study).inputs,
    output:
        png=report(
            "figures/{item}.png",
            category=Picture.category,
            caption="../report/item.rst",
            labels={"item": "{item}"},
        ),
        pdf="figures/{item}.pdf",
        job="jobs/draw_figure/{item}.json",
    log:
        "logs/draw_figure/{item}.log",
    wildcard_constraints:
        item=one_of(
            name for name, item in CONTENTS.items() if isinstance(item, Picture)
        ),
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        scale=item_scale,
        name=config["scale"],
        item="{item}",
        caption=asked(caption)(item, SCALE["comparable"]),
        code=code("draw_figure", wildcards.item, item_scale),
    script:
        "../scripts/draw_figure.py"


rule plot_figure:
    """A figure of numbers, which lie beside it as CSV."""
    input:
        cells=item.needs(study).inputs,
    output:
        png=report(
            "figures/{item}.png",
            category=Plot.category,
            caption="../report/item.rst",
            labels={"item": "{item}"},
        ),
        pdf="figures/{item}.pdf",
        csv="figures/{item}.csv",
        job="jobs/plot_figure/{item}.json",
    log:
        "logs/plot_figure/{item}.log",
    wildcard_constraints:
        item=one_of(name for name, item in CONTENTS.items() if isinstance(item, Plot)),
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        scale=item_scale,
        name=config["scale"],
        item="{item}",
        caption=asked(caption)(item, SCALE["comparable"]),
        code=code("plot_figure", wildcards.item, item_scale),
    script:
        "../scripts/plot_figure.py"


rule check_claims:
    """Every claim of the paper held against its printed numbers and ours."""
    input:
        cells=asked(claimed_files)(study),
        data=asked(ancient)(asked(counted_data)(study)),
        printed=expand(PAPER_TABLE, name=PRINTED),
    output:
        verdicts="claims.json",
        csv=report("claims.csv", category="Report", labels={"item": "claims"}),
        job="jobs/check_claims.json",
    log:
        "logs/check_claims.log",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        scale=SCALE,
        name=config["scale"],
        names=list(ITEMS),
        groups=list(GROUPS),
        code=code("check_claims", *ITEMS, *GROUPS, SCALE),
    script:
        "../scripts/check_claims.py"


rule write_report:
    """One page that opens from disk: verdicts first, then items in the paper's order, and cost."""
    input:
        contents=ITEM_FILES,
        verdicts="claims.json",
        data=asked(ancient)(asked(counted_data)(study)),
        toy="toy/toy.csv",
        cells=asked(metrics_files)(study.attacks, study.targets),
        acceptance="data/acceptance.json",
        templates=expand(
            TEMPLATES,
            name=[
                "report.html",
                "table.html",
                "picture.html",
                "provenance.html",
                "page.html",
                "style.css",
            ],
        ),
    output:
        report=report(
            "report.html",
            category="Report",
            caption="../report/report.rst",
            labels={"item": "report"},
        ),
    log:
        "logs/write_report.log",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        scale=SCALE,
        name=config["scale"],
        digests=asked(dict)(DIGESTS),
        model=MODEL_SETTINGS,
        code=code("write_report", *ITEMS, *GROUPS, SCALE),
    script:
        "../scripts/write_report.py"


rule preview:
    """The same page of what is finished already; names what is missing and makes none of it."""
    log:
        "logs/preview.log",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        scale=SCALE,
        name=config["scale"],
    script:
        "../scripts/preview.py"
