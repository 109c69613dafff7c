package search

import (
	"context"
	"slices"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve/wire"
)

// worded is an index that searches for words.
type worded interface {
	LoadWords(ctx context.Context) error
}

// wordsOf returns the index if clients may search it for words: it can, and no word of a private field is found.
func wordsOf(o *Options) (worded, bool) {
	x, ok := o.Index.(worded)
	return x, ok && !slices.ContainsFunc(o.Private, func(field string) bool { return !slices.Contains(index.Wordless, field) })
}

// mostLoaded is of how many items the words are read before they are looked for. More need memory that is taken only then.
const mostLoaded = 2_000_000

// loadWords reads the index's words, unless the store ends before.
func (s *store) loadWords(x worded) {
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	s.refreshing.Go(func() {
		select {
		case <-s.ended:
			cancel()
		case <-ctx.Done():
		}
	})
	if err := x.LoadWords(ctx); err != nil && ctx.Err() == nil {
		s.Log().Warn("the words of an index were not read", "error", err)
	}
}

// checkText refuses a text that cannot be looked for. What the index has against its words it says itself.
func (s *store) checkText(q *query) error {
	switch {
	case q.Text == nil:
		return nil
	case s.worded == nil:
		return wire.Invalid("text", "text is set; this index does not search for words")
	case *q.Text == "":
		return wire.Invalid("text", "text is empty; it must have a word")
	}
	return nil
}

// ofWords tells whether a query is of a text alone.
func (q *query) ofWords() bool { return q.Text != nil && q.Like == nil && q.count() == 0 }
