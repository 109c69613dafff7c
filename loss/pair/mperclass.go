package pair

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
)

// MPerClass orders an epoch's samples so that every batch holds several samples of each of
// its classes, as losses that compare samples need it.
type MPerClass struct {
	M int // samples of each class in a batch
}

// Order fills order with sample indices: every run of batch of them holds batch/M different
// classes, M samples of each side by side. A last run that is shorter holds whole groups of
// M as far as they go, and then a part of one.
//
// Classes come in proportion to their sizes, as far as once a batch allows, so that all
// samples come about equally often; which of them share a batch is random. A class's
// samples come in random order, all of them before one comes again. A class with fewer than
// M repeats them within its group; otherwise a group's samples differ.
//
// Errors: M below 1; a batch that M does not divide; no labels; fewer classes than a batch
// holds (or than the last, if there is no other); no rng.
func (m MPerClass) Order(order, labels []int, batch int, rng *rand.Rand) error {
	if err := m.check(labels, batch, rng); err != nil || len(order) == 0 {
		return err
	}
	g := groups(labels)
	full, rest := len(order)/batch, len(order)%batch
	if need := (min(batch, len(order)) + m.M - 1) / m.M; g.count() < need {
		return fmt.Errorf("pair: MPerClass: labels has %d classes; a batch of %d with %d of each needs %d", g.count(), batch, m.M, need)
	}
	p := newPlan(&g, full, batch/m.M, rng)
	c := newCycles(&g, rng)
	for i := range full {
		p.next(full - i)
		for k, class := range p.batch {
			c.fill(order[i*batch+k*m.M:][:m.M], class)
		}
	}
	last := order[len(order)-rest:]
	for _, class := range drawClasses(&g, (rest+m.M-1)/m.M, rng) {
		n := min(m.M, len(last))
		c.fill(last[:n], class)
		last = last[n:]
	}
	return nil
}

func (m MPerClass) check(labels []int, batch int, rng *rand.Rand) error {
	switch {
	case m.M < 1:
		return fmt.Errorf("pair: MPerClass: M is %d; it must be at least 1", m.M)
	case batch < 1 || batch%m.M != 0:
		return fmt.Errorf("pair: MPerClass: batch is %d; it must be a multiple of M, %d", batch, m.M)
	case len(labels) == 0:
		return errors.New("pair: MPerClass: labels is empty; it must have a label for each sample")
	case rng == nil:
		return errNoRand("MPerClass")
	}
	return nil
}

// A plan says which classes are in each of an epoch's batches. It deals a deck that holds
// each class as often as it is to come, at most once a batch. A class that has to come in
// every batch that is left is dealt first, so that the deck always comes out even.
type plan struct {
	rng   *rand.Rand
	batch []int // the classes of the batch at hand
	size  int   // classes in a batch
	deck  []int
	left  []int   // of each class in the deck
	where [][]int // each class's places in the deck
	slot  []int   // of each card, which of its class's places it is
	due   [][]int // classes by how often they are left: those of due[b] have to come in each of b batches
	dueAt []int   // each class's place in due
	taken []bool
}

func newPlan(g *grouping, batches, size int, rng *rand.Rand) *plan {
	p := &plan{
		rng: rng, size: size, left: shares(g, batches, size, rng),
		where: make([][]int, g.count()), due: make([][]int, batches+1), dueAt: make([]int, g.count()), taken: make([]bool, g.count()),
	}
	for c, n := range p.left {
		p.dueAt[c] = len(p.due[n])
		p.due[n] = append(p.due[n], c)
		for range n {
			p.slot = append(p.slot, len(p.where[c]))
			p.where[c] = append(p.where[c], len(p.deck))
			p.deck = append(p.deck, c)
		}
	}
	return p
}

// next deals the next batch; batches is the number that is left.
func (p *plan) next(batches int) {
	p.batch = append(p.batch[:0], p.due[batches]...)
	for _, c := range p.batch {
		p.take(c)
	}
	for len(p.batch) < p.size {
		if c := p.deck[p.rng.IntN(len(p.deck))]; !p.taken[c] {
			p.batch = append(p.batch, c)
			p.take(c)
		}
	}
	for _, c := range p.batch {
		p.taken[c] = false
	}
	p.rng.Shuffle(len(p.batch), func(i, j int) { p.batch[i], p.batch[j] = p.batch[j], p.batch[i] })
}

// take takes a card of class c out of the deck.
func (p *plan) take(c int) {
	p.taken[c] = true
	from := p.due[p.left[c]]
	end := from[len(from)-1]
	from[p.dueAt[c]], p.dueAt[end] = end, p.dueAt[c]
	p.due[p.left[c]] = from[:len(from)-1]
	p.left[c]--
	p.dueAt[c] = len(p.due[p.left[c]])
	p.due[p.left[c]] = append(p.due[p.left[c]], c)

	hole := p.where[c][len(p.where[c])-1]
	p.where[c] = p.where[c][:len(p.where[c])-1]
	top := len(p.deck) - 1
	moved, slot := p.deck[top], p.slot[top]
	p.deck[hole], p.slot[hole] = moved, slot
	if hole != top {
		p.where[moved][slot] = hole
	}
	p.deck, p.slot = p.deck[:top], p.slot[:top]
}

// shares returns in how many batches each class is to be: size classes in each, in
// proportion to the classes' sizes. A class that would be more than once in a batch is in
// every one. Fractions are rounded so that the mean over many draws is exact.
func shares(g *grouping, batches, size int, rng *rand.Rand) []int {
	n := make([]int, g.count())
	classes := rng.Perm(g.count())
	slices.SortStableFunc(classes, func(a, b int) int { return len(g.members(b)) - len(g.members(a)) })
	budget, samples := batches*size, len(g.order)
	for len(classes) > 0 {
		c := classes[0]
		if budget*len(g.members(c)) < batches*samples {
			break
		}
		n[c] = batches
		budget, samples, classes = budget-batches, samples-len(g.members(c)), classes[1:]
	}
	if len(classes) == 0 {
		return n
	}
	rng.Shuffle(len(classes), func(i, j int) { classes[i], classes[j] = classes[j], classes[i] })
	sum, before := rng.IntN(samples), 0
	for _, c := range classes {
		sum += budget * len(g.members(c))
		n[c] = sum/samples - before
		before = sum / samples
	}
	return n
}

// drawClasses draws n different classes with chances as their sizes.
func drawClasses(g *grouping, n int, rng *rand.Rand) []int {
	samples := rng.Perm(len(g.order))
	taken := make([]bool, g.count())
	var classes []int
	for i := 0; len(classes) < n; i++ {
		if c := g.class[samples[i]]; !taken[c] {
			taken[c] = true
			classes = append(classes, c)
		}
	}
	return classes
}

// cycles goes through each class's samples in random order, again and again.
type cycles struct {
	grouping // with the samples of each class in the order in which they come
	rng      *rand.Rand
	at       []int // how far each class has come
}

func newCycles(g *grouping, rng *rand.Rand) *cycles {
	c := &cycles{grouping: *g, rng: rng, at: make([]int, g.count())}
	c.order = slices.Clone(g.order)
	for class := range c.count() {
		c.shuffle(class)
	}
	return c
}

func (c *cycles) shuffle(class int) {
	all := c.members(class)
	c.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
}

// fill writes a group of a class's next samples.
func (c *cycles) fill(dst []int, class int) {
	all := c.members(class)
	for i := range dst {
		if c.at[class] == len(all) {
			c.at[class] = 0
			c.shuffle(class)
			c.postpone(all, dst[:i], len(dst)-i)
		}
		dst[i] = all[c.at[class]]
		c.at[class]++
	}
}

// postpone moves samples that are in the group already behind those that are not, as far as
// the group's next ones go.
func (c *cycles) postpone(all, group []int, need int) {
	fresh := 0
	for _, s := range all {
		if !slices.Contains(group, s) {
			fresh++
		}
	}
	for i := range min(need, fresh) {
		for slices.Contains(group, all[i]) {
			j := i + 1 + c.rng.IntN(len(all)-i-1)
			all[i], all[j] = all[j], all[i]
		}
	}
}
