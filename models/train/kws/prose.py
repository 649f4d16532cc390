"""Sentences that nobody wrote, for synthetic conversation: a small grammar over lists of everyday words.

None of the ten words, none of their homophones, and no word that says one of them as a whole ("going", "upstairs") is in the
lists. Words that begin or end like them are, as in any conversation: "yesterday", "office", "snow".
"""
SETS = ("train", "tune", "report")  # the content words of one set are in no other

NOUNS = """
apple arm aunt baby badge bag baker ball bank barn basket beach bell bench bicycle blanket boat book bottle bowl branch
bread breakfast bridge brother bucket builder button cake camera candle carpet castle cellar chair cheese cherry chimney
cinema circle coat coffee college colour concert cook corner cottage cotton cousin cover cow cream cup curtain customer
daughter dentist desk dinner doctor dress driver drum dust eagle elbow engine evening family farmer fence ferry field finger
fire fish flag floor flour flower forest fork fountain friend garage garden gate ghost glove goat grandmother grass guest
guitar hammer harbour hat hedge honey horse hospital hotel hour island jacket jar juice kettle key kitchen knee ladder lake
lamp language laundry lawyer leaf lemon lesson letter library lion lunch machine market meadow medicine melon memory message
milk minute mirror money month moon morning motor mountain mouse museum mushroom music nail neighbour nephew newspaper number
nurse oak ocean office oil orange oven owl page paint palace pan paper parade parcel park party path pear pencil people
pepper piano picnic picture pillow pilot plant plate pocket poem pond potato present price prince puddle queen question
rabbit radio railway rain ribbon river road rock roof rope rose salad salt sand sandwich school scissors sea season shed
sheep shelf ship shirt shoulder silver singer sister snow soap soldier song soup spoon station stone storm story street
student sugar suitcase summer sun sweater table tailor teacher telephone theatre thunder ticket tiger toast tomato tooth
tower town train traveller treasure tree trousers truck tunnel turtle uncle valley vegetable village violin visitor waiter
wall water weather wedding week wheel window winter wolf woman wood worker yard yesterday
""".split()

VERBS = """
admired answered asked baked believed borrowed brought built carried caught chased chose cleaned collected cooked counted
covered described discovered drew dropped enjoyed explained fetched filled finished folded followed forgot found gathered
gave guarded heard helped hid imagined invited kept kicked lifted liked lost loved measured mended mentioned missed moved
needed noticed opened ordered packed painted planned polished promised pulled pushed reached remembered repaired returned
saved sold showed shared sketched stole studied taught thanked threw touched traded understood visited wanted washed watched
wrapped
""".split()

ADJECTIVES = """
ancient angry awful beautiful bitter blue brave bright broken brown busy careful cheap clean clever cold common crowded curious
dark dear deep different difficult dirty early easy empty enormous expensive famous fat foreign fresh friendly funny gentle
golden green happy heavy hollow honest hungry important jolly kind lazy little lonely long loose loud lovely lucky narrow
nervous new noisy old ordinary painted patient peaceful pink plain polite poor popular proud purple quick quiet red
rich rough round rusty sad serious sharp shiny short silent silly simple slow small smooth soft special square steep
strange strong sweet tall tender thick thin tiny tired ugly useful warm wet white wide wild wise wonderful wooden yellow young
""".split()

PLACES = ["near", "behind", "under", "beside", "in front of", "inside", "across", "around", "between", "beyond", "above", "at"]
TIMES = [
    "every morning", "last summer", "after dinner", "before breakfast", "in the evening", "at noon", "once a week", "often",
    "sometimes", "later", "this afternoon", "all winter", "in the middle of the night", "for almost an hour", "again",
]
PEOPLE = ["he", "she", "they", "we", "I", "you", "somebody", "everybody", "my father", "our teacher", "his mother", "her friends"]
LINKS = ["and", "but", "because", "while", "so", "although", "until", "when"]
OPENINGS = ["well,", "listen,", "of course,", "I think", "you see,", "as far as I remember,", "honestly,", "perhaps", "anyway,"]
QUESTIONS = ["Do you think that", "Have you heard that", "Is it true that", "Would you mind if", "Why do you say that"]


class Writer:
    """Writes sentences with the words of one of SETS."""

    def __init__(self, subset, rng):
        """`rng`: a numpy random generator, whose state is all that sentences depend on."""
        index = SETS.index(subset)
        self.rng = rng
        self.nouns, self.verbs, self.adjectives = (words[index :: len(SETS)] for words in (NOUNS, VERBS, ADJECTIVES))

    def one_of(self, words):
        return words[self.rng.integers(len(words))]

    def thing(self):
        article = self.one_of(["the", "the", "a", "my", "your", "this", "that", "another", "every"])
        adjective = self.one_of(self.adjectives) if self.rng.random() < 0.6 else ""
        noun = self.one_of(self.nouns)
        if article == "a" and (adjective or noun)[0] in "aeiou":
            article = "an"
        return " ".join(filter(None, [article, adjective, noun]))

    def clause(self):
        subject = self.one_of(PEOPLE) if self.rng.random() < 0.6 else self.thing()
        words = [subject, self.one_of(self.verbs), self.thing()]
        if self.rng.random() < 0.5:
            words += [self.one_of(PLACES), self.thing()]
        if self.rng.random() < 0.4:
            words.append(self.one_of(TIMES))
        return " ".join(words)

    def sentence(self):
        kind = self.rng.random()
        if kind < 0.15:
            return f"{self.one_of(QUESTIONS)} {self.clause()}?"
        if kind < 0.3:
            return f"{self.one_of(OPENINGS)} {self.clause()}.".capitalize()
        if kind < 0.65:
            return f"{self.clause()}, {self.one_of(LINKS)} {self.clause()}.".capitalize()
        return f"{self.clause()}.".capitalize()
