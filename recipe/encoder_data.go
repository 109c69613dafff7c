package recipe

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// PictureSettings are the settings of encoders: where pictures come from, and what is done to them.
type PictureSettings struct {
	Data      string  `yaml:"data" json:"data"`             // folder with a subfolder a class, CSV file path,label, or folder of four IDX files; "" is MNIST
	Test      string  `yaml:"test" json:"test"`             // test pictures, as data; "" is a share of data, but IDX files have their own
	TestShare float64 `yaml:"test_share" json:"test_share"` // of each class, where there is no test set
	Size      int     `yaml:"size" json:"size"`             // pixels of a side; of IDX files the pictures' own
	Channels  string  `yaml:"channels" json:"channels"`     // auto, 1, 3; of IDX files 1
	SkipBad   bool    `yaml:"skip_bad" json:"skip_bad"`     // leave out pictures that cannot be read

	Dim        int  `yaml:"dim" json:"dim"`         // coordinates of a vector
	Augment    bool `yaml:"augment" json:"augment"` // shift, turn and scale training pictures
	Flip       bool `yaml:"flip" json:"flip"`       // … and mirror them
	Brightness bool `yaml:"brightness" json:"brightness"`
}

// ChannelChoices are what the setting channels may be.
var ChannelChoices = []string{"auto", "1", "3"}

func defaultPictures(dim int) PictureSettings {
	return PictureSettings{TestShare: 0.2, Size: 64, Channels: "auto", Dim: dim}
}

// resolve refuses what is out of range, by the setting's name.
func (s *PictureSettings) resolve() error {
	if err := oneOf("channels", s.Channels, ChannelChoices); err != nil {
		return err
	}
	if s.Size < encode.MinSide || s.Size > encode.MaxSide {
		return fmt.Errorf("size is %d; it must be a whole number from %d to %d", s.Size, encode.MinSide, encode.MaxSide)
	}
	if !(s.TestShare > 0 && s.TestShare < 1) {
		return fmt.Errorf("test_share is %v; it must be a number above 0 and below 1", s.TestShare)
	}
	if s.Dim < 1 || s.Dim > encode.MaxDim {
		return fmt.Errorf("dim is %d; it must be a whole number from 1 to %d", s.Dim, encode.MaxDim)
	}
	return nil
}

// rules says which settings of pictures count. jittered says whether training pictures are changed at
// random, shared whether the test is a share of the data where that is not in IDX files, and listed whether data names the pictures.
func (s *PictureSettings) rules(jittered, shared, listed bool) []Rule {
	const idx = "the data is in IDX files, whose pictures stay as they are"
	files := !listed || s.Data != "" && !data.HasDigits(s.Data)
	const part, own = "it is a part of augment, which is off", "the data is in IDX files, which have a test set"
	return []Rule{
		When("flip", jittered, part), When("brightness", jittered, part),
		When("size", files, idx), When("channels", files, idx), When("skip_bad", files, idx),
		When("test", files, own),
		{Setting: "test_share", Counts: files, Why: own, Reads: true},
		When("test_share", shared, "a test set is named"),
	}
}

// Options says how the pictures are to be read.
func (s PictureSettings) Options() data.PictureOptions {
	o := data.PictureOptions{H: s.Size, W: s.Size, Skip: s.SkipBad}
	switch s.Channels {
	case "1":
		o.C = 1
	case "3":
		o.C = 3
	}
	return o
}

// Load reads the training and the test pictures; test is nil where a share of the others is to be taken.
// skipped says which pictures could not be read. progress, which may be nil, follows a download.
func (s PictureSettings) Load(ctx context.Context, progress data.Progress) (sets PictureSets, skipped []error, err error) {
	sets.Train, sets.Test, skipped, err = data.LoadPictures(ctx, s.Data, s.Test, s.Options(), progress)
	return sets, skipped, err
}

// encoder describes the network of a job for pictures such as set's.
func (s PictureSettings) encoder(job string, set *data.Pictures, unit bool, metric string) encode.Spec {
	return encode.Spec{
		Job: job, Channels: set.C, Height: set.H, Width: set.W, Dim: s.Dim, Unit: unit, Metric: metric,
		DarkBackground: set.DarkBackground(),
	}
}

// PictureSets are the pictures that a run is given.
type PictureSets struct {
	Train *data.Pictures
	Test  *data.Pictures // nil: a share of Train
}

func (s PictureSettings) jitter() data.Jitter {
	return data.Jitter{Flip: s.Flip, Brightness: s.Brightness}
}

// batch writes training pictures, jittered where that is a setting, [len(indices), c, h, w].
func (s PictureSettings) batch(x *tensor.Tensor, set *data.Pictures, indices []int, rng *rand.Rand) {
	x.Resize(len(indices), set.C, set.H, set.W)
	if s.Augment {
		set.Jittered(x.Float32s(), indices, s.jitter(), rng)
	} else {
		set.Batch(x.Float32s(), indices)
	}
}

// checksum describes pictures in a checkpoint's settings: the data may have moved.
func checksum(set *data.Pictures) string {
	sum := crc32.ChecksumIEEE(set.Pixels)
	for _, y := range set.Labels {
		sum = crc32.Update(sum, crc32.IEEETable, []byte{byte(y), byte(y >> 8), byte(y >> 16)})
	}
	return fmt.Sprintf("%d pictures of %d×%d×%d with checksum %08x", set.N, set.C, set.H, set.W, sum)
}

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
	heldQueries = 100  // of them that have another of their class: so many, or half of them, can choose the best epoch
)

// divide divides pictures, always in the same way whatever the run's seed. heldOut names classes that are not
// trained on: all pictures that are measured are then theirs.
func (t Training) divide(s PictureSettings, sets PictureSets, heldOut []string) (*split, error) {
	if sets.Train == nil {
		return nil, errors.New("recipe: PictureSets.Train is nil; it must hold the pictures")
	}
	out, err := isHeldOut(sets.Train, heldOut)
	if err != nil {
		return nil, err
	}
	order := spread(sets.Train.Labels, train.Rand(1, "split", 0))
	var test, rest []int
	share := int(math.Round(s.TestShare * float64(len(order))))
	for rank, i := range order {
		switch {
		case out[sets.Train.Labels[i]]:
			if sets.Test == nil {
				test = append(test, i)
			}
		case sets.Test == nil && len(heldOut) == 0 && rank < share:
			test = append(test, i)
		default:
			rest = append(rest, i)
		}
	}
	switch {
	case len(rest) > 0:
	case len(heldOut) > 0:
		return nil, errors.New("hold_out_classes names all classes; there must be some to train on")
	default:
		return nil, noneLeft(s.TestShare, "pictures")
	}
	d := &split{test: sets.Test}
	switch {
	case sets.Test == nil:
		slices.Sort(test)
		d.test = sets.Train.Pick(test)
	case len(heldOut) > 0:
		for i, y := range sets.Test.Labels {
			if out[y] {
				test = append(test, i)
			}
		}
		d.test = sets.Test.Pick(test)
	}
	d.train, d.held, err = t.hold(sets.Train, rest)
	if err == nil {
		err = d.check()
	}
	return d, err
}

// noneLeft says that the test has taken all.
func noneLeft(testShare float64, what string) error {
	return fmt.Errorf("test_share is %v, which leaves no %s to train on", testShare, what)
}

// hold divides the pictures of the given indices, in spread order, into those to train on and those held
// out: a tenth, at most 5000, where no number is named. Where those held out could not find one another, as there is one class
// alone or too few have another of their class, it is the pictures trained on that choose the best epoch.
func (t Training) hold(set *data.Pictures, order []int) (trained, held *data.Pictures, err error) {
	n := t.Validation
	if n == 0 {
		n = min(len(order)/10, heldMost)
	}
	if n >= len(order) {
		return nil, nil, fmt.Errorf("validation is %d, but there are only %d training pictures; leave at least one to train on", n, len(order))
	}
	first, rest := slices.Clone(order[:n]), slices.Clone(order[n:])
	if t.Limit > 0 {
		rest = rest[:min(t.Limit, len(rest))]
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

// check refuses pictures that cannot be trained on or measured, and sets that do not fit together.
func (d *split) check() error {
	if d.test.C != d.train.C || d.test.H != d.train.H || d.test.W != d.train.W {
		return fmt.Errorf("training pictures are %d×%d×%d, test pictures %d×%d×%d; they must be alike",
			d.train.C, d.train.H, d.train.W, d.test.C, d.test.H, d.test.W)
	}
	if !findable(d.train.Labels) {
		return fmt.Errorf("of %d training pictures, there must be two classes at least, and one with two pictures", d.train.N)
	}
	if !findable(d.test.Labels) {
		return fmt.Errorf("of %d test pictures, there must be two classes at least, and one with two pictures", d.test.N)
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
