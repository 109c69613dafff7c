package tag

import (
	"fmt"

	"github.com/energo-ml/energo/data"
)

// itemSet is the items that were met where text is of items with attributes, as data.Attributes has them, instead of words.
type itemSet struct {
	all   []item
	index map[string]int32
}

// item is the attributes of a place of a sequence that training had.
type item struct {
	text    string
	rows    []int32   // words of the lexicon: the attributes
	values  []float64 // of the attributes
	foreign bool      // it has others, too
}

// NewAttributeLexicon collects the attributes and the tags of training text whose words are items, as data.Attributes reads them.
//
// Errors: text without an item; a sentence with other numbers of words and tags; an item that is not attributes.
func NewAttributeLexicon(train []data.Sentence) (*Lexicon, error) {
	x := attributeLexicon()
	if err := x.collect(train); err != nil {
		return nil, err
	}
	for _, s := range train {
		for _, text := range s.Words {
			all, err := data.Attributes(text)
			if err != nil {
				return nil, fmt.Errorf("tag: %w", err)
			}
			for _, a := range all {
				n, ok := x.index[a.Name]
				if !ok {
					n = x.attribute(a.Name)
				}
				x.words[n].count++
			}
		}
	}
	x.trained = len(x.words)
	return x, nil
}

// attributeLexicon has no words; bits are of no use to it.
func attributeLexicon() *Lexicon {
	x := emptyLexicon(LeastBits)
	x.items = &itemSet{index: map[string]int32{}}
	return x
}

// attribute adds an attribute.
func (x *Lexicon) attribute(name string) int32 {
	n := int32(len(x.words))
	x.words = append(x.words, wordInfo{text: name})
	x.index[name] = n
	return n
}

// added adds a word or an attribute.
func (x *Lexicon) added(text string) int32 {
	if x.items != nil {
		return x.attribute(text)
	}
	return x.word(text)
}

// item returns the number of an item, a new one if it was not met yet. Attributes that training did not have are left out.
func (x *Lexicon) item(text string) int32 {
	s := x.items
	n, ok := s.index[text]
	if ok {
		return n
	}
	it := item{text: text}
	all, _ := data.Attributes(text) // check has passed it
	for _, a := range all {
		row, ok := x.index[a.Name]
		if !ok {
			it.foreign = true
			continue
		}
		it.rows, it.values = append(it.rows, row), append(it.values, a.Value)
	}
	n = int32(len(s.all))
	s.all = append(s.all, it)
	s.index[text] = n
	return n
}

func (s *itemSet) forget(n int) {
	for _, it := range s.all[n:] {
		delete(s.index, it.text)
	}
	clear(s.all[n:])
	s.all = s.all[:n]
}

// check refuses items that are not attributes, where the text is of items.
func (x *Lexicon) check(sentences ...[]string) error {
	if x.items == nil {
		return nil
	}
	for i, s := range sentences {
		for j, text := range s {
			if _, ok := x.items.index[text]; ok {
				continue
			}
			if _, err := data.Attributes(text); err != nil {
				return fmt.Errorf("tag: sequence %d, item %d: %w", i+1, j+1, err)
			}
		}
	}
	return nil
}
