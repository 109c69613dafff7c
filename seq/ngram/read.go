package ngram

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

const (
	// maxOrder is the most words that an n-gram may have.
	maxOrder = 16
	// maxLine is the most bytes that a line may have.
	maxLine = 1 << 20
	// missing is the log probability of <unk> where a file has none.
	missing = -100 * math.Ln10
	// maxBackoff is far above any log back-off weight; sums of them stay finite.
	maxBackoff = 1000
	// maxRounding is how far above 0 rounding may take a log probability in a file.
	maxRounding = 1e-4
	// maxNodes bounds the size of a model, so that int32 counts its nodes.
	maxNodes = math.MaxInt32 - 2*maxOrder
)

// Load reads the ARPA file at path; see [Read].
func Load(path string) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Read reads a model in ARPA format, compressed by gzip or not, in UTF-8 or UTF-16.
//
// Text before \data\ is skipped. Fields are separated by spaces or tabs. <UNK> is taken as <unk> where
// there is no <unk>; where there is neither, <unk> is added with the log probability −100 to the base 10, as in KenLM. Log probabilities up to 1e-4 are taken as 0. An n-gram whose
// prefix is not listed is fine: the prefix then has no probability of its own and the back-off
// weight 1. The probability of <s>, often −99, is kept as it is.
//
// Memory grows with what has been read, whatever numbers the header promises.
//
// Errors name the line: a count that is not the header's, an n-gram twice, a word that is not
// among the 1-grams, a log probability above that, NaN, a back-off weight at the highest order
// other than 0, no <s> or </s>, no \end\, and text after it.
func Read(r io.Reader) (*Model, error) {
	lines, err := newLines(r)
	if err != nil {
		return nil, err
	}
	a := arpa{lines: lines}
	if err := a.read(); err != nil {
		return nil, a.lines.locate(err)
	}
	for _, w := range []string{start, end} {
		if _, ok := a.m.ids[w]; !ok {
			return nil, fmt.Errorf("ngram: the model has no %s", w)
		}
	}
	a.m.linkSuffixes()
	a.m.linkContexts()
	a.m.findBound()
	return a.m, nil
}

// arpa reads a file section by section.
type arpa struct {
	lines  *lines
	m      *Model
	counts []int // of the n-grams of each order, by the header
}

func (a *arpa) read() error {
	if err := a.header(); err != nil {
		return err
	}
	a.m = newModel(len(a.counts))
	for order := 1; order <= len(a.counts); order++ {
		if err := a.section(order); err != nil {
			return err
		}
		if order == 1 && !a.m.nameUnknown() {
			a.m.unk = a.m.addWord(unknown)
			a.m.nodes[1+a.m.unk].logProb = missing
		}
	}
	if a.lines.text() != `\end\` {
		return fmt.Errorf("%s; it must be \\end\\", a.lines.what())
	}
	if a.lines.next() {
		return errors.New("there is text after \\end\\")
	}
	return a.lines.err()
}

// header reads \data\ and the counts, and the line after them.
func (a *arpa) header() error {
	for a.lines.next() && a.lines.text() != `\data\` {
	}
	if a.lines.done {
		return errors.New("there is no \\data\\")
	}
	for a.lines.next() && !strings.HasPrefix(a.lines.text(), `\`) {
		rest, ok := strings.CutPrefix(a.lines.text(), "ngram")
		order, count, ok2 := strings.Cut(rest, "=")
		if !ok || !ok2 || strings.TrimLeftFunc(order, blank) == order || strings.TrimSpace(order) != strconv.Itoa(len(a.counts)+1) {
			return fmt.Errorf("%s; it must be \\1-grams: or the count of the %d-grams", a.lines.what(), len(a.counts)+1)
		}
		if len(a.counts) == maxOrder {
			return fmt.Errorf("the order is above %d", maxOrder)
		}
		n, err := strconv.Atoi(strings.TrimSpace(count))
		if err != nil || n < 0 || n > maxNodes {
			return fmt.Errorf("the count is %q; it must be a number from 0 to %d", excerpt.Of(strings.TrimSpace(count)), maxNodes)
		}
		a.counts = append(a.counts, n)
	}
	if len(a.counts) == 0 {
		return errors.New("there are no counts")
	}
	return nil
}

// section reads the n-grams of one order, and the line after them.
func (a *arpa) section(order int) error {
	if title := fmt.Sprintf(`\%d-grams:`, order); a.lines.text() != title {
		return fmt.Errorf("%s; it must be %s", a.lines.what(), title)
	}
	n := 0
	for ; a.lines.next() && !bytes.HasPrefix(a.lines.line, []byte(`\`)); n++ {
		if n == a.counts[order-1] {
			return fmt.Errorf("there are more %d-grams than the %d of the header", order, n)
		}
		if err := a.ngram(order); err != nil {
			return err
		}
	}
	if n != a.counts[order-1] {
		return fmt.Errorf("there are %d %d-grams; the header says %d", n, order, a.counts[order-1])
	}
	return nil
}

// ngram reads a line of log probability, words and perhaps a log back-off weight.
func (a *arpa) ngram(order int) error {
	var fields [maxOrder + 3][]byte
	n := split(a.lines.line, fields[:order+3])
	if n != order+1 && n != order+2 {
		return fmt.Errorf("the line must have a log probability, %d words and, where it is not 0, a log back-off weight", order)
	}
	logProb, err := logarithm(fields[0])
	if err != nil || logProb > maxRounding {
		return fmt.Errorf("the log probability is %q; it must be a number up to 0", excerpt.Of(fields[0]))
	}
	logProb = min(logProb, 0)
	backoff := 0.0
	if n == order+2 {
		backoff, err = logarithm(fields[order+1])
		if err != nil || backoff > maxBackoff || order == len(a.counts) && backoff != 0 {
			return fmt.Errorf("the log back-off weight is %q; it must be a number up to %d, and 0 or nothing at the highest order", excerpt.Of(fields[order+1]), maxBackoff)
		}
	}
	at, err := a.node(fields[1 : order+1])
	if err != nil {
		return err
	}
	if !math.IsNaN(at.logProb) {
		return fmt.Errorf("the %d-gram %q is there twice", order, excerpt.Of(bytes.Join(fields[1:order+1], []byte(" "))))
	}
	at.logProb, at.backoff = logProb*math.Ln10, backoff*math.Ln10
	return nil
}

// node finds or makes the node of an n-gram. What is shorter and not there has no
// probability, and back-off weight 1.
func (a *arpa) node(words [][]byte) (*node, error) {
	m := a.m
	if len(m.nodes) > maxNodes {
		return nil, fmt.Errorf("there are more than %d n-grams", maxNodes)
	}
	if len(words) == 1 {
		w, ok := m.ids[string(words[0])]
		if !ok {
			w = m.addWord(string(words[0]))
		}
		return &m.nodes[1+w], nil
	}
	n := int32(0)
	for _, s := range words {
		w, ok := m.ids[string(s)]
		if !ok {
			return nil, fmt.Errorf("the word %q is not among the 1-grams", excerpt.Of(s))
		}
		n = m.extend(n, w)
	}
	return &m.nodes[n], nil
}

// logarithm parses a number that is not NaN; −Inf is one.
func logarithm(field []byte) (float64, error) {
	v, err := strconv.ParseFloat(string(field), 64)
	if err == nil && math.IsNaN(v) {
		err = strconv.ErrRange
	}
	return v, err
}

// split cuts a line into at most len(fields) fields and returns how many there are.
func split(line []byte, fields [][]byte) int {
	n := 0
	for i := 0; i < len(line) && n < len(fields); {
		if blank(rune(line[i])) {
			i++
			continue
		}
		from := i
		for i < len(line) && !blank(rune(line[i])) {
			i++
		}
		fields[n] = line[from:i]
		n++
	}
	return n
}
