"""Figures of one model under every stress."""
from . import evaluate, sets


def figures(logits_of, clips, truth, data, vocabulary, noise):
    """{condition: {"all": report, "masked": report without the rare words}}. `logits_of(features)` runs the model."""
    found = {}
    for name, heard in sets.stressed(clips, data, noise).items():
        logits = logits_of(evaluate.features_of(heard))
        found[name] = {
            "all": evaluate.report(logits, truth, vocabulary.labels),
            "masked": evaluate.report(logits, truth, vocabulary.labels, vocabulary.rare_words),
        }
    return found


def table(found, rare_words):
    """A line a condition, for people."""
    lines = []
    for name, row in found.items():
        rare = "  ".join(f"{word} {100 * row['all']['per_label'][word]['recall']:.1f}" for word in rare_words)
        accuracy = f"without rare words {100 * row['masked']['accuracy']:.2f}  all {100 * row['all']['accuracy']:.2f}"
        lines.append(f"{name:18}  {accuracy}  {rare}")
    return "\n".join(lines)
