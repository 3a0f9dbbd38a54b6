"""paper: tables, figures, the toy example and the report."""


include: "queries/paper.smk"


rule make_table:
    """A table of the paper with our numbers beside the printed ones."""
    input:
        attacks=table_attack_metrics,
        targets=table_target_metrics,
        templates=templates("table.html", "table.tex", "page.html", "style.css"),
        printed=expand(f"{PAPER_TABLES}/table{{n}}.csv", n=["01", "02", "04"]),
    output:
        csv=report(
            "tables/{item}.csv",
            category="Tables",
            caption="../report/table.rst",
            labels={"item": "{item}", "form": "CSV"},
        ),
        html="tables/{item}.html",
        tex="tables/{item}.tex",
        job="jobs/make_table/{item}.json",
    log:
        "logs/make_table/{item}.log",
    wildcard_constraints:
        item="table[12]",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        scale=SCALE,
        name=config["scale"],
        fidelity=SCALE["fidelity"],
        code=code("make_table"),
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


rule draw_toy:
    """Figure 1 (attack stops at 95 % confidence) and Figure 8 (it does not)."""
    input:
        toy="toy/toy.safetensors",
    output:
        png=report(
            "figures/{item}.png",
            category="Figures",
            caption="../report/toy.rst",
            labels={"item": "{item}"},
        ),
        pdf="figures/{item}.pdf",
        job="jobs/draw_toy/{item}.json",
    log:
        "logs/draw_toy/{item}.log",
    wildcard_constraints:
        item="figure[18]",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        code=code("draw_toy"),
    script:
        "../scripts/draw_toy.py"


rule draw_samples:
    """Figure 3: a real image of each person, then each model's most robust result."""
    input:
        galleries=[
            f"{cell.path}/gallery.safetensors" for cell in items.figure3_attacks(STUDY)
        ],
        view=view(
            SCALE["paper"]["figure3"]["dataset"],
            STUDY.architecture(SCALE["paper"]["figure3"]["architecture"])["view"],
        ),
    output:
        png=report(
            "figures/figure3.png",
            category="Figures",
            caption="../report/figure3.rst",
            labels={"item": "figure3"},
        ),
        pdf="figures/figure3.pdf",
        job="jobs/draw_samples.json",
    log:
        "logs/draw_samples.log",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        settings=SCALE["paper"]["figure3"],
        code=code("draw_samples"),
    script:
        "../scripts/draw_samples.py"


rule draw_spread:
    """Every attack's accuracy by smoothing factor, one dot per seed."""
    input:
        attacks=attack_metrics,
        targets=target_metrics,
    output:
        png=report(
            "figures/spread.png",
            category="Figures",
            caption="../report/spread.rst",
            labels={"item": "spread over seeds"},
        ),
        pdf="figures/spread.pdf",
        job="jobs/draw_spread.json",
    log:
        "logs/draw_spread.log",
    localrule: True
    conda:
        "../../envs/mirage.yaml"
    params:
        scale=SCALE,
        name=config["scale"],
        code=code("draw_spread"),
    script:
        "../scripts/draw_spread.py"


rule write_report:
    """One page that opens from disk: what was run, what came out, what shows and what does not."""
    input:
        tables=expand("tables/{item}.csv", item=["table1", "table2"]),
        fragments=expand("tables/{item}.html", item=["table1", "table2"]),
        figures=expand(
            "figures/{item}.png", item=["figure1", "figure3", "figure8", "spread"]
        ),
        toy="toy/toy.csv",
        attacks=attack_metrics,
        targets=target_metrics,
        acceptance="data/acceptance.json",
        templates=templates("report.html", "page.html", "style.css"),
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
        captions=[
            ("Figure 1", "The toy attack, stopped at 95 % confidence."),
            (
                "Figure 3",
                "A real image of each of the first people, then each model's most "
                "robust result; not cherry-picked.",
            ),
            ("Figure 8", "The toy attack after 5,000 steps without a stopping rule."),
            (
                "Spread",
                "Every attack by smoothing factor: one dot per seed, lines join a seed, "
                "bars are mean and standard deviation.",
            ),
        ],
        code=code("write_report"),
    script:
        "../scripts/write_report.py"
