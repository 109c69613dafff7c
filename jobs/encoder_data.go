package jobs

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/train"
)

// spread orders samples so that whatever number is taken from the front has the classes in their
// proportions; within a class the order is random.
func spread(labels []int, rng *rand.Rand) []int {
	size, seen := map[int]int{}, map[int]int{}
	for _, y := range labels {
		size[y]++
	}
	order := rng.Perm(len(labels))
	key := make([]float64, len(labels))
	for _, i := range order {
		y := labels[i]
		key[i] = (float64(seen[y]) + 0.5) / float64(size[y])
		seen[y]++
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case key[a] < key[b]:
			return -1
		case key[a] > key[b]:
			return 1
		}
		return 0
	})
	return order
}

// split is a data set divided: what is trained on, what chooses the best epoch, what is measured in the end.
type split struct {
	train, held, test *data.Pictures
}

const (
	heldMost    = 5000 // pictures held out where no number is named
	heldQueries = 100  // of them that have another of their class: this number, or half of them, can choose the best epoch
)

// divide divides pictures, always in the same way whatever the run's seed. test is nil where a share of them is to be taken. heldOut
// names classes that are not trained on: all pictures that are measured are then theirs.
func (c *Encoding) divide(all, test *data.Pictures, heldOut []string) (*split, error) {
	out, err := isHeldOut(all, heldOut)
	if err != nil {
		return nil, err
	}
	order := spread(all.Labels, train.Rand(1, "split", 0))
	var tested, rest []int
	share := int(math.Round(c.TestShare * float64(len(order))))
	for rank, i := range order {
		switch {
		case out[all.Labels[i]]:
			if test == nil {
				tested = append(tested, i)
			}
		case test == nil && len(heldOut) == 0 && rank < share:
			tested = append(tested, i)
		default:
			rest = append(rest, i)
		}
	}
	switch {
	case len(rest) > 0:
	case len(heldOut) > 0:
		return nil, errors.New("hold_out_classes names all classes; there must be some to train on")
	default:
		return nil, noneLeft(c.TestShare, "pictures")
	}
	d := &split{test: test}
	switch {
	case test == nil:
		slices.Sort(tested)
		d.test = all.Pick(tested)
	case len(heldOut) > 0:
		for i, y := range test.Labels {
			if out[y] {
				tested = append(tested, i)
			}
		}
		d.test = test.Pick(tested)
	}
	if d.train, d.held, err = c.hold(all, rest); err != nil {
		return nil, err
	}
	return d, d.check()
}

// noneLeft says that the test has taken all.
func noneLeft(testShare float64, what string) error {
	return fmt.Errorf("test_share is %v, which leaves no %s to train on", testShare, what)
}

// heldOut is how many of n pictures or pairs are held out of training: a tenth, at most 5000, where no number is named.
func (c *Encoding) heldOut(n int, what string) (int, error) {
	held := c.Validation
	if held == 0 {
		held = min(n/10, heldMost)
	}
	if held >= n {
		return 0, fmt.Errorf("validation is %d, but there are only %d training %s; leave at least one to train on", held, n, what)
	}
	return held, nil
}

// hold divides the pictures at indices, in spread order, into those to train on and those held out. Where those held out could not find one another, as there is one class
// alone or too few have another of their class, it is the pictures trained on that choose the best epoch.
func (c *Encoding) hold(set *data.Pictures, order []int) (trained, held *data.Pictures, err error) {
	n, err := c.heldOut(len(order), "pictures")
	if err != nil {
		return nil, nil, err
	}
	first, rest := slices.Clone(order[:n]), slices.Clone(order[n:])
	if c.Limit > 0 {
		rest = rest[:min(c.Limit, len(rest))]
	}
	slices.Sort(first)
	slices.Sort(rest)
	trained, held = set.Pick(rest), set.Pick(first)
	if !findable(held.Labels) || queries(held.Labels) < min(n/2, heldQueries) {
		held = trained.Pick(spread(trained.Labels, train.Rand(1, "split", 1))[:min(trained.N, heldMost)])
	}
	return trained, held, nil
}

// isHeldOut says of each class whether it is among the named ones.
func isHeldOut(set *data.Pictures, names []string) ([]bool, error) {
	out := make([]bool, len(set.Classes))
	for _, name := range names {
		k := slices.Index(set.Classes, name)
		if k < 0 {
			return nil, fmt.Errorf("hold_out_classes has %q; the classes are %s", excerpt.Of(name), list(set.Classes))
		}
		out[k] = true
	}
	return out, nil
}

// list joins names, the first of many.
func list(names []string) string {
	const most = 20
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// check refuses pictures that cannot be trained on or measured.
func (d *split) check() error {
	for _, part := range []struct {
		name   string
		labels []int
	}{{"training", d.train.Labels}, {"test", d.test.Labels}} {
		if !findable(part.labels) {
			return fmt.Errorf("of %d %s pictures, there must be two classes at least, and one with two pictures", len(part.labels), part.name)
		}
	}
	return nil
}

// findable says whether labels have two classes at least, and one that comes twice.
func findable(labels []int) bool {
	count := map[int]int{}
	twice := false
	for _, y := range labels {
		count[y]++
		twice = twice || count[y] == 2
	}
	return twice && len(count) > 1
}

// queries counts the samples whose label comes twice.
func queries(labels []int) (n int) {
	count := map[int]int{}
	for _, y := range labels {
		if count[y]++; count[y] == 2 {
			n++ // the first one, too
		}
		if count[y] > 1 {
			n++
		}
	}
	return n
}

// dense returns labels numbered from 0 on without gaps, in their order, and how many there are.
func dense(labels []int) ([]int, int) {
	names := slices.Clone(labels)
	slices.Sort(names)
	names = slices.Compact(names)
	out := make([]int, len(labels))
	for i, y := range labels {
		out[i], _ = slices.BinarySearch(names, y)
	}
	return out, len(names)
}
