"""The model card, generated from a preset's record and never edited."""

from __future__ import annotations

from clothzoo.hub.presets import Metric, Preset


def render(preset: Preset) -> str:
    """The text of a preset's README.md.

    Args:
        preset: everything that the card says.

    Returns:
        Markdown with the front matter that the Hub reads; the same text for equal records.
    """
    return f"---\n{_front_matter(preset)}\n---\n\n{_body(preset)}"


def _front_matter(preset: Preset) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type="image-classification",
            dataset_type=m.dataset,
            dataset_name=m.dataset,
            dataset_split=m.split,
            metric_type=m.metric,
            metric_name=f"{m.metric} ({m.task})",
            metric_value=m.value,
        )
        for m in preset.metrics
    ]
    return ModelCardData(
        license=preset.licence.lower(),
        library_name="keras",
        pipeline_tag="image-classification",
        tags=["clothzoo", "clothing", "fashion", preset.architecture],
        datasets=[d.name for d in preset.data] or None,
        metrics=sorted({m.metric for m in preset.metrics}) or None,
        model_name=preset.name,
        eval_results=results or None,
    ).to_yaml()


def _body(preset: Preset) -> str:
    weights = preset.weights
    parts = [
        f"# {preset.name}",
        preset.summary,
        f"{weights.parameters:,} parameters, {weights.size / 1e6:.2f} MB, "
        f"revision {preset.revision} ({preset.changed}). Licence of the weights: "
        f"{weights.licence}.",
        "## Use",
        f"```python\n{snippet(preset)}```",
    ]
    if preset.source.repository:
        parts.append(
            "Or with Keras alone, the layers being registered by the import:\n\n"
            "```python\nimport clothzoo\nimport keras\n\n"
            f'model = keras.saving.load_model("hf://{preset.source.repository}")\n```'
        )
    parts += ["## Intended use", preset.intended_use, "## Limits", preset.limits, "## Labels"]
    parts += [f"**{task}**: {', '.join(names)}" for task, names in preset.labels.items()]
    parts.append("## Figures")
    parts.append(_table(preset.metrics) if preset.metrics else "None has been measured.")
    parts.append("## Training")
    parts += [
        f"- Data: [{d.name}]({d.url}), {d.licence}" + (f", sha256 `{d.sha256}`" * bool(d.sha256))
        for d in preset.data
    ]
    parts += [f"- Derived from [{o.name}]({o.url}), {o.licence}" for o in weights.origin]
    training = preset.training
    recipe = f"recipe `{training.recipe}`" if training.recipe else "a loop of one's own"
    versions = ", ".join(f"{name} {version}" for name, version in training.versions.items())
    parts.append(
        f"- {recipe[0].upper()}{recipe[1:]}"
        + (f" at commit `{training.commit}`" if training.commit else "")
        + f", {training.seconds / 60:.0f} minutes on {training.device}; {versions}"
    )
    parts.append(f"- sha256 of the weights: `{weights.sha256}`")
    parts.append("This page is generated from `preset.toml`.")
    return "\n\n".join(parts) + "\n"


def snippet(preset: Preset) -> str:
    """The card's example, which runs as it stands beside a file photo.jpg."""
    outputs = 'model.predict(preset.preprocessing("photo.jpg"))'
    if len(preset.labels) > 1:
        answer = (
            "for task, names in preset.labels.items():\n    print(names[scores[task][0].argmax()])"
        )
    else:
        answer = f'print(preset.labels["{next(iter(preset.labels))}"][scores[0].argmax()])'
    return (
        "import clothzoo\n\n"
        f'preset = clothzoo.preset("{preset.name}")\n'
        f'model = clothzoo.load("{preset.name}")\n'
        f"scores = {outputs}\n"
        f"{answer}\n"
    )


def _table(metrics: tuple[Metric, ...]) -> str:
    rows = ["| data | split | n | task | figure | value | 95 % | measured by |", "|---" * 8 + "|"]
    for m in metrics:
        interval = " – ".join(f"{v:.4f}" for v in m.interval)
        rows.append(
            f"| {m.dataset} | {m.split} | {m.n} | {m.task} | {m.metric} | {m.value:.4f} | "
            f"{interval} | `{m.command}` |"
        )
    return "\n".join(rows)
