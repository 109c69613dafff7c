package jobs

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/train"
)

// split is a data set divided: what is trained on, what chooses the best epoch, what is measured in the end.
type split struct {
	train, held, test *data.Pictures
	byClass           []string // classes of the test, none of whose pictures is trained on, where the classes are too small to be divided
	notes             []string // what the data has chosen
	apart             bool     // held pictures are not among those trained on
}

const (
	heldMost    = 5000 // pictures held out where no number is named
	heldQueries = 100  // of them that have another of their class: this number, or half of them, can choose the best epoch
)

// divide divides pictures, always in the same way whatever the run's seed. test is nil where a share of them is to be taken. heldOut
// names classes that are not trained on: all pictures that are measured are then theirs. Held-out pictures of which few have another of their class cannot choose the best epoch.
func (c *Encoding) divide(all, test *data.Pictures, heldOut []string, choose func(held []int, n int) bool) (*split, error) {
	var byClass []string
	if test == nil && len(heldOut) == 0 && !c.digits() {
		byClass = c.classesApart(all)
		heldOut = byClass
	}
	d, err := c.part(all, test, heldOut, choose)
	if err != nil {
		return nil, err
	}
	if byClass != nil {
		d.byClass = byClass
	}
	return d, d.check()
}

// leastApart is how many classes there are, at least, where whole classes are kept for the test: two of them, and two to train on.
const leastApart = 4

// classesApart returns the classes to keep for the test where most pictures are of classes so small that a share of each would not be two pictures, which
// can find each other; nil where that is not so. Always the same ones are drawn.
func (c *Encoding) classesApart(all *data.Pictures) []string {
	count := make([]int, len(all.Classes))
	for _, y := range all.Labels {
		count[y]++
	}
	small := 0
	var several []int // classes of two pictures or more
	for y, n := range count {
		if math.Round(c.TestShare*float64(n)) < 2 {
			small += n
		}
		if n > 1 {
			several = append(several, y)
		}
	}
	if 2*small <= all.N || len(several) < leastApart {
		return nil
	}
	rng := train.Rand(1, "classes", 0)
	rng.Shuffle(len(several), func(i, j int) { several[i], several[j] = several[j], several[i] })
	n := max(2, min(int(math.Round(c.TestShare*float64(len(several)))), len(several)-2))
	kept := several[:n]
	slices.Sort(kept)
	var names []string
	for _, y := range kept {
		names = append(names, all.Classes[y])
	}
	return names
}

// leftOut says what was left out of the folders of some sets, which may be nil.
func leftOut(sets ...*data.Pictures) (all []string) {
	for _, set := range sets {
		if set != nil {
			for _, line := range set.Left.Lines() {
				all = append(all, "left out: "+line)
			}
		}
	}
	return all
}

// words say how the pictures are divided.
func (d *split) words() string {
	out := fmt.Sprintf("%d pictures are trained on", d.train.N)
	if d.apart {
		out += fmt.Sprintf(", %d choose the best epoch", d.held.N)
	}
	if d.byClass != nil {
		return out + fmt.Sprintf(", %d are of %d whole classes kept for the test, since a share of each of the small classes would not be two pictures: %s", d.test.N, len(d.byClass), list(d.byClass))
	}
	return out + fmt.Sprintf(", %d are the test", d.test.N)
}

// part is divide without its checks. choose tells whether n held-out pictures with some labels can choose the best epoch.
func (c *PictureSettings) part(all, test *data.Pictures, heldOut []string, choose func(held []int, n int) bool) (*split, error) {
	out, err := isHeldOut(all, heldOut)
	if err != nil {
		return nil, err
	}
	order := data.Spread(all.Labels, train.Rand(1, "split", 0))
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
	d.train, d.held, d.apart, err = c.hold(all, rest, choose)
	return d, err
}

// noneLeft says that the test has taken all.
func noneLeft(testShare float64, what string) error {
	return fmt.Errorf("test_share is %v, which leaves no %s to train on", testShare, what)
}

// heldOut is how many of n pictures or pairs are held out of training: a tenth, at most 5000, where no number is named.
func (c *PictureSettings) heldOut(n int, what string) (int, error) {
	held := c.Validation
	if held == 0 {
		held = min(n/10, heldMost)
	}
	if held >= n {
		return 0, fmt.Errorf("validation is %d, but there are only %d training %s; leave at least one to train on", held, n, what)
	}
	return held, nil
}

// hold divides the pictures at indices, in spread order, into those to train on and those held out. Where those held out could not choose the best epoch, the pictures trained on do.
func (c *PictureSettings) hold(set *data.Pictures, order []int, choose func(held []int, n int) bool) (trained, held *data.Pictures, apart bool, err error) {
	n, err := c.heldOut(len(order), "pictures")
	if err != nil {
		return nil, nil, false, err
	}
	first, rest := slices.Clone(order[:n]), slices.Clone(order[n:])
	if c.Limit > 0 {
		rest = rest[:min(c.Limit, len(rest))]
	}
	slices.Sort(first)
	slices.Sort(rest)
	trained, held = set.Pick(rest), set.Pick(first)
	if apart = choose(held.Labels, n); !apart {
		held = trained.Pick(data.Spread(trained.Labels, train.Rand(1, "split", 1))[:min(trained.N, heldMost)])
	}
	return trained, held, apart, nil
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

// searchable says whether enough of n held-out pictures with some labels have another of their class.
func searchable(held []int, n int) bool {
	return findable(held) && queries(held) >= min(n/2, heldQueries)
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
