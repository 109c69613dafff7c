package tag

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/excerpt"
)

// wordInfo is what is kept of each word that was met.
type wordInfo struct {
	text  string
	count int // in training; 0 for an unknown word
	// tags that the word had in training and, where it was rare, those of open classes,
	// ascending; of an unknown word, the latter.
	tags []int32

	lower, suffix, shape uint64   // hashes, of which neighbours' features are made
	own                  []uint32 // rows of the word's own features
}

// Lexicon is the words and the tags of training text. What it encodes later may have further
// words, which it numbers, too; so it is not for several goroutines at once.
type Lexicon struct {
	tags    []string
	tagOf   map[string]int32
	words   []wordInfo
	trained int // words of the training text, which come first
	index   map[string]int32
	open    []int32 // tags that unknown words may have
	bits    int
	mask    uint64 // of the rows of features
	edge    wordInfo
	unknown []string // groups of own features that unknown words have; nil for all
	items   *itemSet // where the words are attributes, of which items are made; nil where text is of words
}

// Bounds of the dictionary that --prune goes by.
const (
	rareWord  = 5     // a word seen less often may be of any open class, too
	openShare = 0.001 // a class is open that this share of the words seen once belongs to
)

// Bounds of Lexicon's bits.
const (
	LeastBits = 4
	MostBits  = 24
)

// Sentence is a sentence in a Lexicon's numbers.
type Sentence struct {
	Words []int32
	Tags  []int32 // right ones, one a word; -1 is a tag that training did not have. nil where they are not known
}

func emptyLexicon(bits int) *Lexicon {
	x := &Lexicon{tagOf: map[string]int32{}, index: map[string]int32{}, bits: bits, mask: 1<<bits - 1}
	x.edge = x.describe("")
	return x
}

// NewLexicon collects the words and tags of training text. Features of words are hashed to
// 2^bits numbers, from LeastBits to MostBits bits.
//
// Errors: text without a word; a sentence with other numbers of words and tags; bits out of range.
func NewLexicon(train []data.Sentence, bits int) (*Lexicon, error) {
	if bits < LeastBits || bits > MostBits {
		return nil, fmt.Errorf("tag: bits is %d; it must be from %d to %d", bits, LeastBits, MostBits)
	}
	x := emptyLexicon(bits)
	if err := x.collect(train); err != nil {
		return nil, err
	}
	for _, s := range train {
		for i, word := range s.Words {
			w := &x.words[x.word(word)]
			w.count++
			if tag := x.tagOf[s.Tags[i]]; !slices.Contains(w.tags, tag) {
				w.tags = append(w.tags, tag)
			}
		}
	}
	x.classes()
	return x, nil
}

// collect takes the tags of training text.
func (x *Lexicon) collect(train []data.Sentence) error {
	for i, s := range train {
		if len(s.Words) != len(s.Tags) {
			return fmt.Errorf("tag: sentence %d has %d words and %d tags; each word must have one tag", i, len(s.Words), len(s.Tags))
		}
		for _, t := range s.Tags {
			x.tagOf[t] = 0
		}
	}
	for t := range x.tagOf {
		x.tags = append(x.tags, t)
	}
	if len(x.tags) == 0 {
		return errors.New("tag: the text has no words; there must be at least one")
	}
	slices.Sort(x.tags)
	for i, t := range x.tags {
		x.tagOf[t] = int32(i)
	}
	return nil
}

// Tags returns the tags of the training text, ascending: a tag's number is its index. It must not be changed.
func (x *Lexicon) Tags() []string { return x.tags }

// OfAttributes reports whether the words are attributes: what is tagged are items, as data.Attributes reads them.
func (x *Lexicon) OfAttributes() bool { return x.items != nil }

// Words is how many different words, or attributes, the training text had.
func (x *Lexicon) Words() int { return x.trained }

// Known reports whether the training text had a word, or an attribute.
func (x *Lexicon) Known(word string) bool {
	n, ok := x.index[word]
	return ok && int(n) < x.trained
}

// classes finds the open classes and fills the dictionary.
func (x *Lexicon) classes() {
	x.trained = len(x.words)
	once, total := make([]int, len(x.tags)), 0
	for _, w := range x.words {
		if w.count == 1 {
			once[w.tags[0]]++
			total++
		}
	}
	for t, n := range once {
		if float64(n) > openShare*float64(total) {
			x.open = append(x.open, int32(t))
		}
	}
	if len(x.open) == 0 {
		for t := range x.tags {
			x.open = append(x.open, int32(t))
		}
	}
	for i := range x.words {
		w := &x.words[i]
		if w.count < rareWord {
			w.tags = append(w.tags, x.open...)
		}
		slices.Sort(w.tags)
		w.tags = slices.Compact(w.tags)
	}
}

// word returns the number of a word, a new one if it was not met yet.
func (x *Lexicon) word(text string) int32 {
	n, ok := x.index[text]
	if !ok {
		n = int32(len(x.words))
		w := x.describe(text)
		if x.unknown != nil && x.trained > 0 {
			w.own = ownOf(w.own, x.unknown)
		}
		w.tags = slices.Clip(x.open) // none while training text is read
		x.words = append(x.words, w)
		x.index[text] = n
	}
	return n
}

// met is how many words, or items, have been met; forget takes it.
func (x *Lexicon) met() int {
	if x.items != nil {
		return len(x.items.all)
	}
	return len(x.words)
}

// forget drops all words, or items, but the first n.
func (x *Lexicon) forget(n int) {
	if x.items != nil {
		x.items.forget(n)
		return
	}
	for _, w := range x.words[n:] {
		delete(x.index, w.text)
	}
	clear(x.words[n:])
	x.words = x.words[:n]
}

// Encode turns sentences into numbers. A tag that training did not have is −1, and never right. An item that data.Attributes refuses has
// no attributes.
func (x *Lexicon) Encode(sentences []data.Sentence) []Sentence {
	all := make([]Sentence, len(sentences))
	for i, s := range sentences {
		all[i].Words = x.numbers(s.Words)
		for _, t := range s.Tags {
			n, ok := x.tagOf[t]
			if !ok {
				n = -1
			}
			all[i].Tags = append(all[i].Tags, n)
		}
	}
	return all
}

// isNew reports whether training did not have a word, or an attribute of an item.
func (x *Lexicon) isNew(word int32) bool {
	if x.items != nil {
		return x.items.all[word].foreign
	}
	return int(word) >= x.trained
}

// numbers are those of words; of items, which must be those that check passes.
func (x *Lexicon) numbers(words []string) (all []int32) {
	for _, w := range words {
		if x.items != nil {
			all = append(all, x.item(w))
			continue
		}
		all = append(all, x.word(w))
	}
	return all
}

// FNV-1a, with the name of a template first.
func hashOf(template uint64, s string) uint64 {
	h := (0xcbf29ce484222325 ^ template) * 0x100000001b3
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

// mix joins two hashes under a template into a row's number (the finaliser of SplitMix64).
func (x *Lexicon) mix(template, a, b uint64) uint32 {
	h := a*0x9e3779b97f4a7c15 ^ (b+template)*0xd6e8feb86659fd93
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return uint32((h ^ h>>31) & x.mask)
}

// Templates of features. The numbers are part of what a trained model is.
const (
	ofWord = iota + 1
	ofLower
	ofShape
	ofPrefix                // and the next three
	ofSuffix = 1 + iota + 3 // and the next three
	ofBias   = 16 + iota
	ofLast
	ofLast2
	ofNext
	ofNext2
	ofLastThis
	ofThisNext
	ofAround
	ofLastTwo
	ofNextTwo
	ofLastSuffix
	ofNextSuffix
	ofLastShape
	ofNextShape
)

const longestAffix = 4 // letters

// Where a word's own features stand in wordInfo.own.
const (
	ownBias    = 0
	ownLower   = 2
	ownShape   = 3
	ownAffixes = 4 // beginning and end of one letter, of two, …
)

// describe works out a word's own features.
func (x *Lexicon) describe(text string) wordInfo {
	lower := strings.ToLower(text)
	w := wordInfo{text: text, lower: hashOf(ofLower, lower), shape: hashOf(ofShape, shapeOf(text))}
	add := func(template int, h uint64) { w.own = append(w.own, x.mix(uint64(template), h, 0)) }
	add(ofBias, 0)
	add(ofWord, hashOf(ofWord, text))
	add(ofLower, w.lower)
	add(ofShape, w.shape)
	w.suffix = w.lower
	head, tail := 0, len(lower)
	for n := 1; n <= longestAffix && head < len(lower); n++ {
		_, size := utf8.DecodeRuneInString(lower[head:])
		head += size
		_, size = utf8.DecodeLastRuneInString(lower[:tail])
		tail -= size
		add(ofPrefix+n-1, hashOf(ofPrefix, lower[:head]))
		h := hashOf(ofSuffix, lower[tail:])
		add(ofSuffix+n-1, h)
		if n <= 3 {
			w.suffix = h
		}
	}
	return w
}

// UnknownFeatures are the groups of features of its own that a word has which training did not have: those of the word in lower case, of its
// beginnings and of its ends, of 1 to 4 letters each, and of its shape (A for capitals, a for other letters, 0 for digits, of runs the first two).
var UnknownFeatures = []string{"lower", "prefix", "suffix", "shape"}

// SetUnknown says which groups of UnknownFeatures the words have that are met from now on and that training did not have; features of
// neighbours are not among them. Without a call they have all. It is for Features.
//
// Errors: a group that is not one, or is there twice.
func (x *Lexicon) SetUnknown(groups []string) error {
	for i, g := range groups {
		if !slices.Contains(UnknownFeatures, g) || slices.Contains(groups[:i], g) {
			return fmt.Errorf("unknown has %q; it must have some of %s, each once", excerpt.Of(g), strings.Join(UnknownFeatures, ", "))
		}
	}
	x.unknown = append([]string{}, groups...)
	if len(groups) == len(UnknownFeatures) {
		x.unknown = nil
	}
	return nil
}

// ownOf returns those of a word's own features that are of some groups, and the one that all words have.
func ownOf(own []uint32, groups []string) []uint32 {
	kept := []uint32{own[ownBias]}
	for i, f := range own {
		group := ""
		switch {
		case i == ownLower:
			group = "lower"
		case i == ownShape:
			group = "shape"
		case i >= ownAffixes && (i-ownAffixes)%2 == 0:
			group = "prefix"
		case i >= ownAffixes:
			group = "suffix"
		}
		if slices.Contains(groups, group) {
			kept = append(kept, f)
		}
	}
	return kept
}

// shapeOf writes a word with A for capitals, a for other letters, 0 for digits; runs of
// more than two become two.
func shapeOf(word string) string {
	var out []rune
	for _, r := range word {
		switch {
		case unicode.IsUpper(r):
			r = 'A'
		case unicode.IsLetter(r):
			r = 'a'
		case unicode.IsDigit(r):
			r = '0'
		}
		if n := len(out); n < 2 || out[n-1] != r || out[n-2] != r {
			out = append(out, r)
		}
	}
	return string(out)
}

// features appends the rows of the features at each place of a sentence to rows, and
// where each place's end to ends.
func (x *Lexicon) features(rows []uint32, ends []int32, words []int32) ([]uint32, []int32) {
	at := func(i int) *wordInfo {
		if i < 0 || i >= len(words) {
			return &x.edge
		}
		return &x.words[words[i]]
	}
	for i := range words {
		w, last, last2, next, next2 := at(i), at(i-1), at(i-2), at(i+1), at(i+2)
		rows = append(rows, w.own...)
		rows = append(rows,
			x.mix(ofLast, last.lower, 0),
			x.mix(ofLast2, last2.lower, 0),
			x.mix(ofNext, next.lower, 0),
			x.mix(ofNext2, next2.lower, 0),
			x.mix(ofLastThis, last.lower, w.lower),
			x.mix(ofThisNext, w.lower, next.lower),
			x.mix(ofAround, last.lower, next.lower),
			x.mix(ofLastTwo, last2.lower, last.lower),
			x.mix(ofNextTwo, next.lower, next2.lower),
			x.mix(ofLastSuffix, last.suffix, 0),
			x.mix(ofNextSuffix, next.suffix, 0),
			x.mix(ofLastShape, last.shape, w.shape),
			x.mix(ofNextShape, next.shape, w.shape),
		)
		ends = append(ends, int32(len(rows)))
	}
	return rows, ends
}
