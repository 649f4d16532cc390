"""Words in espeak-ng's phoneme notation, and words that sound almost like them.

A network that knows a word only from its own speakers learns the shortest way to tell it from the other words it was shown.
Words that differ in one sound, and words that stop half-way, leave it no short way.
"""
import re
import subprocess

# Sounds of which one may pass for another, by accent or through a bad microphone: never exchanged within a group.
VOWELS = [
    ["A:", "0", "O2", "O:", "A@", "O@"],
    ["E", "eI", "a"],
    ["I", "i:", "i"],
    ["U", "u:"],
    ["V", "@", "3:"],
    ["aI", "OI"],
    ["oU", "aU"],
]
CONSONANTS = [
    ["p", "b"], ["t", "d"], ["k", "g"], ["f", "T", "v", "D"], ["s", "z"], ["S", "Z", "tS", "dZ"], ["m", "n", "N"], ["l"],
    ["r"], ["w"], ["j"], ["h"],
]
ONSET_ONLY = {"h", "w", "j", "r"}
CODA_ONLY = {"N"}


def phonemes(word):
    """The word's phonemes, each with its stress mark: ["l", "'u:", "m", "oU", "z"]."""
    command = ["espeak-ng", "-v", "en-us", "-q", "-x", "--sep=_", word]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return [phoneme for phoneme in "_".join(out).split("_") if phoneme.strip("',%=|")]


def as_text(sounds):
    """What espeak-ng says the phonemes from: "[[l'u:moUz]]". A word without a stressed vowel gets one."""
    sounds = [sound.replace(",", "'") for sound in sounds]
    if not any("'" in sound for sound in sounds):
        first = next((i for i, sound in enumerate(sounds) if is_vowel(sound)), None)
        if first is not None:
            sounds[first] = "'" + sounds[first]
    return f"[[{'|'.join(sounds)}]]"


def plain(sound):
    """The sound without its stress mark, and without the number of a variant: "t" of "t2"."""
    sound = re.sub("[',%=]", "", sound)
    return sound if is_vowel(sound) else sound.rstrip("0123456789")


def is_vowel(sound):
    """Whether the sound can carry a syllable."""
    return re.sub("[',%=]", "", sound)[:1] in tuple("aAeEiIoOuUV03@")


def group_of(sound):
    """The group the sound belongs to; one of its own if it is in none."""
    return next((group for group in VOWELS + CONSONANTS if plain(sound) in group), [plain(sound)])


def alike(sounds):
    """The same for two words if all their sounds may pass for each other."""
    return tuple(group_of(sound)[0] for sound in sounds)


def minimal_pairs(sounds):
    """All words that differ from `sounds` in one sound, audibly."""
    pairs = []
    for i, sound in enumerate(sounds):
        groups = VOWELS if is_vowel(sound) else CONSONANTS
        mark = "'" if "'" in sound or "," in sound else ""
        own = group_of(sound)
        last, first = i == len(sounds) - 1, i == 0
        for group in groups:
            other = group[0]
            if group is own or (last and other in ONSET_ONLY) or (first and other in CODA_ONLY):
                continue
            pairs.append([*sounds[:i], mark + other, *sounds[i + 1 :]])
    return pairs


def partial_words(sounds):
    """The beginnings and the ends of the word, down to half its sounds, one sound at least, never all of them."""
    n = len(sounds)
    shortest = max(1, n // 2)
    parts = [sounds[:end] for end in range(shortest, n)] + [sounds[start:] for start in range(1, n - shortest + 1)]
    return [part for part in parts if any(is_vowel(sound) for sound in part)]


def longer_words(sounds):
    """The word with one more sound before or after it: heard inside another word it is not meant."""
    before = [] if not is_vowel(sounds[0]) else [[group[0]] for group in CONSONANTS]
    after = [["@"], ["I", "N"], ["@", "l"]] if not is_vowel(sounds[-1]) else [[g[0]] for g in CONSONANTS if g[0] not in ONSET_ONLY]
    return [[*extra, *sounds] for extra in before] + [[*sounds, *extra] for extra in after]


def near_words(word, words):
    """Texts for espeak-ng: minimal pairs, partial and longer words of `word` that may not pass for any of `words`."""
    sounds = phonemes(word)
    taken = {alike(phonemes(other)) for other in words}
    near = minimal_pairs(sounds) + partial_words(sounds) + longer_words(sounds)
    return list(dict.fromkeys(as_text(candidate) for candidate in near if alike(candidate) not in taken))
