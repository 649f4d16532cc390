"""The words: what the model answers, and what it must learn to refuse."""
from dataclasses import dataclass

RATE = 16_000  # Hz, of every clip
CLIP = 16_000  # samples in a clip and in the model's window

UNKNOWN = "_unknown_"
SILENCE = "_silence_"


@dataclass(frozen=True)
class Vocabulary:
    """The words a model knows."""

    words: tuple
    rare_words: tuple  # those of them that nobody, or hardly anybody, recorded: learned mostly from synthetic speech

    @property
    def labels(self):
        return [*self.words, UNKNOWN, SILENCE]

    def index(self, word):
        """The index in `labels` of what the model should answer to `word`."""
        return self.labels.index(word if word in self.labels else UNKNOWN)


# *on* and *off* were recorded fewer than 20 times each in the training set.
COMMANDS = Vocabulary(("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"), ("on", "off"))

# Other words of Speech Commands that have hardly any recordings in the training set, but belong to `_unknown_`.
RARE_UNKNOWN_WORDS = (
    "backward bird dog follow forward house learn marvin nine seven sheila six tree visual wow".split()
)

# Words that share most of their sound with one of the ten. Homophones ("know", "write") are left out on purpose.
NEAR_MISSES = (
    "yet yeah guess chess less yell yesterday mess nor now new note snow toe nose cup app pup hop us apple open "
    "town noun done dawn brown doubt dan lift let laughed loft leaf lest ride light rat bright night rye red "
    "one an own in gone john arm all or and aunt lawn often of cough awful half if laugh soft office oaf "
    "top stock step shop spot stoop start goat low gold got grow dough girl guard ago"
).split()

# Everyday words far from the ten.
COMMON_WORDS = (
    "computer music window kitchen morning table people water please thanks hello lamp warmer louder volume weather "
    "alarm door open close play pause next timer button camera message question river summer paper yellow green blue "
    "sister brother garden picture number letter monday friday coffee sugar dinner hundred million the that with have "
    "this from they what about which when make like time just him take into year your good some could them other than "
    "then look only come over think also back after use how our work first well way even want because these give day most"
).split()
