package ngram

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"

	"github.com/energo-ml/energo/internal/mapped"
)

// Binary is a model in a binary file of KenLM's, as its build_binary writes them: hash tables ("probing") or tries, with
// or without quantisation and compressed pointers. The file is mapped, where the system can, and stays so until Close. It
// does not change, so several goroutines may use it. Its scores are KenLM's, in single precision.
//
// States are numbered as they come up; there are at most as many as n-grams below the highest order.
//
// Source: [heafield2011].
type Binary struct {
	order      int
	words      []string
	ids        map[string]Word
	begin, end Word
	bound      float64
	tables     tables
	unmap      func()

	mu     sync.RWMutex
	states []binaryState
	known  map[history]State
}

// maxBinaryOrder is the greatest order of binary files; KenLM's own is 6 unless it is compiled for more.
const maxBinaryOrder = 8

// history is the words of a state, the last first, and then −1.
type history [maxBinaryOrder - 1]int32

// binaryState is what KenLM keeps of a history.
type binaryState struct {
	words   history
	backoff [maxBinaryOrder - 1]float32 // of the last word, of the last two, and so on
	length  int
}

// place is where n-grams are that end alike: by a hash, or from lo to hi in the next table.
type place struct{ lo, hi uint64 }

// weights are those of an n-gram, to the base 10.
type weights struct {
	prob, backoff float32
	last          bool // no longer n-gram ends with this one
}

// tables are the n-grams of a file, found from their last word on.
type tables interface {
	one(w Word) (weights, place)
	middle(order int, before Word, at *place) (w weights, ok bool)
	longest(before Word, at place) (prob float32, ok bool)
	mostBackoff() float32 // the sum over the orders of the greatest back-off weight, 0 at least
}

const (
	binaryMagic = "mmap lm http://kheafield.com/code "
	binaryHead  = binaryMagic + "format version 5\n\x00\x00"
)

// sanity is the head of a file, by which its builder's numbers are known to be ours.
var sanity = func() []byte {
	b := make([]byte, (len(binaryHead)+7)/8*8)
	copy(b, binaryHead)
	for _, v := range []uint32{0, math.Float32bits(1), math.Float32bits(-0.5), 1, math.MaxUint32, 0, 1, 0} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}()

// The kinds of a binary file.
const (
	probing     = 0
	restProbing = 1
	trie        = 2
	quantTrie   = 3
	arrayTrie   = 4
	bothTrie    = 5
)

// isBinary reports whether a file is a binary one.
func isBinary(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, len(binaryMagic))
	n, err := io.ReadFull(f, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return string(head[:n]) == binaryMagic, err
}

// OpenBinary opens a binary file of KenLM's.
//
// Errors: a file of another version or of a machine with other numbers; one that is cut off, or without its words; an
// order below 2 or above 8.
func OpenBinary(path string) (*Binary, error) {
	data, unmap, err := mapped.Open(path)
	if err != nil {
		return nil, err
	}
	b := &Binary{unmap: unmap}
	if err := b.read(data); err != nil {
		unmap()
		return nil, fmt.Errorf("%s: ngram: %w", path, err)
	}
	return b, nil
}

// Close gives the file's memory back. The model must not be used any more.
func (b *Binary) Close() error {
	b.unmap()
	return nil
}

// fixed is the size of what follows the head: order, multiplier, kind, whether there are words, version.
const fixed = 20

func (b *Binary) read(data []byte) error {
	if !bytes.HasPrefix(data, sanity) || len(data) < len(sanity)+fixed {
		return errors.New("the head is not that of KenLM's format 5 of a 64-bit little-endian machine; rebuild the file from its ARPA file")
	}
	head := data[len(sanity):]
	b.order = int(head[0])
	multiplier := math.Float32frombits(binary.LittleEndian.Uint32(head[4:]))
	kind, version := binary.LittleEndian.Uint32(head[8:]), binary.LittleEndian.Uint32(head[16:])
	if b.order < 2 || b.order > maxBinaryOrder {
		return fmt.Errorf("the order is %d; it must be from 2 to %d", b.order, maxBinaryOrder)
	}
	if head[12] == 0 {
		return errors.New("the file is without its words; build it with them")
	}
	start := (len(sanity) + fixed + 8*b.order + 7) / 8 * 8
	if len(data) < start {
		return errCutOff
	}
	counts := make([]uint64, b.order)
	for i := range counts {
		counts[i] = binary.LittleEndian.Uint64(head[fixed+8*i:])
		if counts[i] > math.MaxInt32 {
			return fmt.Errorf("there are %d %d-grams; there may be at most %d", counts[i], i+1, math.MaxInt32)
		}
	}
	l := layout{data: data, at: uint64(start), counts: counts, multiplier: multiplier, kind: int(kind)}
	n, err := l.vocabulary()
	if err != nil {
		return err
	}
	switch {
	case kind <= restProbing && version == 0:
		b.tables, err = l.probing()
	case kind >= trie && kind <= bothTrie && version == 1:
		b.tables, err = l.trie(n)
	default:
		return fmt.Errorf("the file is of kind %d in version %d; it must be of kind 0 or 1 in version 0, or 2 to 5 in version 1", kind, version)
	}
	if err != nil {
		return err
	}
	if err := b.name(string(data[l.at:]), n); err != nil {
		return err
	}
	b.bound = math.Ln10 * float64(b.tables.mostBackoff())
	b.known = map[history]State{}
	b.state(binaryState{})
	return nil
}

var errCutOff = errors.New("the file is cut off")

// name takes the words from the end of the file.
func (b *Binary) name(text string, n int) error {
	b.ids = make(map[string]Word, n)
	for rest := text; len(b.words) < n; {
		w, after, ok := strings.Cut(rest, "\x00")
		if !ok {
			return fmt.Errorf("there are %d of %d words; %w", len(b.words), n, errCutOff)
		}
		if _, twice := b.ids[w]; twice {
			return fmt.Errorf("the word %q is there twice", w)
		}
		b.ids[w], b.words, rest = Word(len(b.words)), append(b.words, w), after
	}
	if n == 0 || b.words[0] != unknown {
		return fmt.Errorf("the first word must be %s", unknown)
	}
	for _, mark := range []struct {
		text string
		word *Word
	}{{start, &b.begin}, {end, &b.end}} {
		w, ok := b.ids[mark.text]
		if !ok {
			return fmt.Errorf("the model has no %s", mark.text)
		}
		*mark.word = w
	}
	return nil
}

// Order returns the number of words of the longest n-grams.
func (b *Binary) Order() int { return b.order }

// Bound returns a bound that no result of [Binary.Score] is above.
func (b *Binary) Bound() float64 { return b.bound }

// Words returns all words of the model, each at its number. The caller must not change them.
func (b *Binary) Words() []string { return b.words }

// Word returns the number of a word, or that of <unk>, 0, where the model does not have it.
func (b *Binary) Word(s string) Word { return b.ids[s] }

// End returns the number of </s>, the word that ends a sentence.
func (b *Binary) End() Word { return b.end }

// Start returns the state at the start of a sentence, the history <s>.
func (b *Binary) Start() State {
	w, _ := b.tables.one(b.begin)
	s := binaryState{length: 1}
	s.words[0], s.backoff[0] = b.begin, w.backoff
	return b.state(s)
}

// state numbers a state.
func (b *Binary) state(s binaryState) State {
	for i := s.length; i < len(s.words); i++ {
		s.words[i] = -1
	}
	b.mu.RLock()
	n, ok := b.known[s.words]
	b.mu.RUnlock()
	if ok {
		return n
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if n, ok = b.known[s.words]; !ok {
		n = State(len(b.states))
		b.known[s.words], b.states = n, append(b.states, s)
	}
	return n
}

// Score returns the natural logarithm of the probability of w after the history s, and
// the state after w.
func (b *Binary) Score(s State, w Word) (logProb float64, next State) {
	logProb, next, _ = b.Match(s, w)
	return logProb, next
}

// Match is Score, with the number of words of the n-gram that counts.
func (b *Binary) Match(s State, w Word) (logProb float64, next State, order int) {
	b.mu.RLock()
	before := b.states[s]
	b.mu.RUnlock()
	var after binaryState
	one, at := b.tables.one(w)
	after.words[0], after.backoff[0] = w, one.backoff
	if extends(one.backoff) {
		after.length = 1
	}
	prob, order, last := one.prob, 1, one.last
	for i := 0; i < before.length && !last; i++ {
		if i+2 == b.order {
			if p, ok := b.tables.longest(before.words[i], at); ok {
				prob, order = p, b.order
			}
			break
		}
		more, ok := b.tables.middle(i+2, before.words[i], &at)
		if !ok {
			break
		}
		after.words[i+1], after.backoff[i+1] = before.words[i], more.backoff
		prob, order, last = more.prob, i+2, more.last
		if extends(more.backoff) {
			after.length = i + 2
		}
	}
	for i := order - 1; i < before.length; i++ {
		prob += before.backoff[i]
	}
	return math.Ln10 * float64(prob), b.state(after), order
}

// extends tells by a back-off weight whether longer n-grams begin with an n-gram; −0 says that none does.
func extends(backoff float32) bool { return math.Float32bits(backoff) != 1<<31 }
