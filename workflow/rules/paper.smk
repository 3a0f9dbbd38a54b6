"""paper: tables, figures, the toy example and the report."""


include: "queries/paper.smk"


rule make_table:
    """A table of the paper with our numbers beside the printed ones."""
    input:
        cells=item_inputs,
        templates=templates("table.html", "table.tex", "page.html", "style.css"),
        printed=item_reference,
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
        item=names_of(Table),
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        scale=item_scale,
        name=config["scale"],
        item="{item}",
        caption=item_caption,
        code=code("make_table", item_settings),
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


rule draw_figure:
    """A figure of pictures."""
    input:
        cells=item_inputs,
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
        item=names_of(Picture),
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        scale=item_scale,
        name=config["scale"],
        item="{item}",
        caption=item_caption,
        code=code("draw_figure", item_settings),
    script:
        "../scripts/draw_figure.py"


rule plot_figure:
    """A figure of numbers, which lie beside it as CSV."""
    input:
        cells=item_inputs,
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
        item=names_of(Plot),
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        scale=item_scale,
        name=config["scale"],
        item="{item}",
        caption=item_caption,
        code=code("plot_figure", item_settings),
    script:
        "../scripts/plot_figure.py"


rule write_report:
    """One page that opens from disk: what was run, what came out, what shows and what does not."""
    input:
        contents=item_files,
        toy="toy/toy.csv",
        cells=cell_metrics,
        acceptance="data/acceptance.json",
        templates=templates(
            "report.html", "table.html", "picture.html", "page.html", "style.css"
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
        digests=code_digests,
        model=MODEL_SETTINGS,
        code=code("write_report", report_settings),
    script:
        "../scripts/write_report.py"
