"""The model card: what a model was made from, how good it is, what it gets wrong.

The figures here are of validation, which is all that training may see. Of the test set and of listening a card gets the commands alone:
what the shipped cards say there was measured on the compiled artifacts and written by hand. A new run's card does not have it.
"""
from datetime import date

TEMPLATE = """\
# {name}

{count} answers to one second of 16 kHz speech: {labels}.

| | |
|---|---|
| network | {network} |
| parameters | {parameters:,} |
| multiply-accumulates | {window:,} a window of one second; {streaming:,} a second when streaming |
| a decision every | {step} ms when streaming |
| numbers | int8 activations, int8 weights with one scale an output channel, int32 biases |
| window | 16,000 samples, 98 frames |
| licence of the training data | CC BY 4.0 |
| made on | {today} |

## Data and attribution

Trained on recordings of Pete Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", arXiv:1804.03209,
licensed under [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/): 25,190 clips by part of the official training speakers. The
model is a work derived from them; the recordings themselves are not distributed.

{words_data}
* `_unknown_` was trained on the other words of the data set (mostly eleven of them), on wake-word recordings that their speakers gave to the
  public domain, on synthetic words, sentences and conversation, many of which sound like one of the words, on words cut at the window's edge,
  on words that don't exist, made of halves of two by the same speaker (`models/train/kws/blend.py`), and once more on what half-trained
  networks took for a word.
* Noise: the first half of each of the data set's six background recordings, ESC-10 (K. J. Piczak, "ESC: Dataset for Environmental Sound
  Classification", the ten-class subset under CC BY and CC0) but for the clips listed in `models/train/held_out_noise.txt`, at five
  speeds each; coloured noise; and babble made of the training recordings. What half-trained networks took for a word of the first three
  was heard more often. `_silence_` comes from the first two and from coloured noise. **The test set's `_silence_` clips are cut
  from the same six background recordings**, from any part of them.
* The voices of `models/fixtures/` and of the synthetic conversations took no part in training (`models/train/fixture_voices.txt`,
  `models/train/conversation_voices.txt`).
* Choices were made on {selection}; the test set was only measured.

## How good it is

On validation, by onnxruntime on the int8 ONNX file; noise at the given ratio over the whole clip, from ESC-10's fold 4
("environment") and from a part of the background recordings that training never heard:

    python models/train/evaluate.py models/{name}.onnx --data DIR --set val

{figures}
{test}
## Limits

* English words, mostly American speakers of the data set, one word at a time.
{words_limits}
* Trained down to −4 dB signal-to-noise, with few kinds of noise.
* It is no judge of who speaks, nor of any word beyond those it knows: everything else should be `_unknown_`.
"""

COMMANDS_DATA = """\
* Only 15 recordings of *on* and 14 of *off* were there. These two words come almost wholly from synthetic speech (espeak-ng, flite, festival,
  many of them revoiced by the WORLD vocoder) and from parts of other words' recordings joined to new words (`models/train/kws/splice.py`). A
  tenth of the other words is synthetic too."""
COMMANDS_LIMITS = """\
* *on* and *off* are weaker on real voices than the other words: see their recall above."""
OWN_DATA = """\
* Nobody recorded these words: they come wholly from synthetic speech (espeak-ng, flite, festival, many of them revoiced by the WORLD
  vocoder)."""
OWN_LIMITS = """\
* The words were learned and measured on synthetic voices; on real ones expect clearly less. Record a few people and measure."""
TEST = """
Our half of the official v0.02 test set (`models/train/test_speakers.txt`), whose speakers are in no other part, on the artifact itself:

    earmark eval DIR/test --model models/{name}.ear
    earmark eval DIR/test --model models/{name}.ear --mask on,off

`models/train/README.md` has the command that calibrates the thresholds.
"""


def percent(share):
    return f"{100 * share:.1f} %"


def accuracy(found, vocabulary):
    """One sentence for the artifact's provenance."""
    clean = found["int8"]["clean"]
    without = f", {percent(clean['masked']['accuracy'])} without {' and '.join(vocabulary.rare_words)}" if partly_rare(vocabulary) else ""
    labels = len(vocabulary.labels)
    return f"int8, on validation speakers: {percent(clean['all']['accuracy'])} of {labels} labels{without} (models/train/evaluate.py)"


def partly_rare(vocabulary):
    """Whether some words, but not all, have recordings: then there is something to leave out."""
    return len(vocabulary.rare_words) < len(vocabulary.words)


def figures_table(found, vocabulary):
    """A row a condition."""
    rare = vocabulary.rare_words
    columns = ["", "all labels"]
    if partly_rare(vocabulary):
        columns += [f"without {' and '.join(f'*{word}*' for word in rare)}", "float"]
    columns += [f"*{word}*, recall" for word in rare]
    lines = [columns, ["---"] * len(columns)]
    for name, row in found["int8"].items():
        cells = [name, percent(row["all"]["accuracy"])]
        if partly_rare(vocabulary):
            cells += [percent(row["masked"]["accuracy"]), percent(found["float"][name]["masked"]["accuracy"])]
        cells += [f"{percent(label['recall'])} of {label['n']}" for label in (row["all"]["per_label"][word] for word in rare)]
        lines.append(cells)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def write(name, shape, vocabulary, found):
    """The card as Markdown."""
    labels = vocabulary.labels
    parameters, window, streaming = shape.cost(len(labels))
    recorded = partly_rare(vocabulary)
    return TEMPLATE.format(
        name=name,
        count=len(labels),
        labels=", ".join(f"`{label}`" for label in labels),
        network=shape.text(),
        parameters=parameters,
        window=window,
        streaming=streaming,
        step=shape.milliseconds(),
        today=date.today().isoformat(),
        words_data=COMMANDS_DATA if recorded else OWN_DATA,
        words_limits=COMMANDS_LIMITS if recorded else OWN_LIMITS,
        selection="the official validation speakers" if recorded else "synthetic voices that training never heard and the validation speakers",
        figures=figures_table(found, vocabulary),
        test=TEST.format(name=name) if recorded else "",
    )
