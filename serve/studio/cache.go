package studio

import (
	"container/list"
	"slices"
	"strings"
	"sync"

	"github.com/energo-ml/energo/serve/wire"
)

// cacheMost is the bytes of the curves that are kept; those that were asked for last stay.
const cacheMost = 64 << 20

// cache keeps curves of runs, so that of a log only what is new is read.
type cache struct {
	most int64

	mu    sync.Mutex
	bytes int64
	order *list.List // of *kept, the one used last in front
	runs  map[string]*list.Element
}

type kept struct {
	name string
	size int64

	mu     sync.Mutex
	series *series
}

func newCache(most int64) *cache {
	return &cache{most: most, order: list.New(), runs: map[string]*list.Element{}}
}

// with brings the series of a run up to date and has them read by use, which keeps nothing that it changes.
func (c *cache) with(name, path string, use func(*series)) error {
	c.mu.Lock()
	at := c.runs[name]
	if at == nil {
		at = c.order.PushFront(&kept{name: name, series: newSeries()})
		c.runs[name] = at
	}
	c.order.MoveToFront(at)
	k := at.Value.(*kept)
	c.mu.Unlock()

	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.series.read(path)
	if err != nil {
		return err
	}
	k.series = s
	use(s)
	c.weigh(at, s.bytes)
	return nil
}

// weigh takes down the size of a run's series, and lets go of others where all are too large.
func (c *cache) weigh(at *list.Element, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := at.Value.(*kept)
	if c.runs[k.name] != at {
		return // it was let go meanwhile
	}
	c.bytes += size - k.size
	k.size = size
	for c.bytes > c.most && c.order.Len() > 1 {
		last := c.order.Back()
		old := c.order.Remove(last).(*kept)
		delete(c.runs, old.name)
		c.bytes -= old.size
	}
}

func isOf(word string, words []string) bool { return slices.Contains(words, word) }

// oneOf refuses a parameter that is not one of some words.
func oneOf(name, value string, lists ...[]string) error {
	words := slices.Concat(lists...)
	if isOf(value, words) {
		return nil
	}
	return wire.Invalid(name, "%s is %.40q; want %s", name, value, strings.Join(words, ", "))
}
