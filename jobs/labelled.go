package jobs

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/report"
)

// Labelled is where a job's labelled pictures come from.
type Labelled struct {
	Data string // folder of four IDX files; "" is MNIST
	// Sets reads the pictures of a folder, in a program with data of its own; nil is data.LoadDigits.
	Sets func(ctx context.Context, folder string, progress data.Progress) (trainSet, testSet *data.Images, err error)
}

// option is the setting of Data.
func (l *Labelled) option() option.Option {
	return option.New(&l.Data, "data", "folder with the four IDX files of an MNIST-like set, gzipped or not (default MNIST, fetched once)", option.Arg("folder"), option.Path)
}

// read reads the pictures of a folder.
func (l *Labelled) read(ctx context.Context, folder string, progress data.Progress) (trainSet, testSet *data.Images, err error) {
	if l.Sets != nil {
		return l.Sets(ctx, folder, progress)
	}
	return data.LoadDigits(ctx, folder, progress)
}

// load reads the pictures, and refuses test pictures that what is trained could not be measured on.
func (l *Labelled) load(ctx context.Context, env job.Env) (trainSet, testSet *data.Images, err error) {
	if trainSet, testSet, err = l.read(ctx, l.Data, env.Progress); err == nil && env.Data != "" {
		_, testSet, err = l.read(ctx, env.Data, env.Progress)
	}
	if err != nil {
		return nil, nil, err
	}
	return trainSet, testSet, checkAlike(trainSet, testSet)
}

// checkAlike refuses sets of which one is empty, or whose pictures or labels differ in kind.
func checkAlike(trainSet, testSet *data.Images) error {
	a, b := trainSet, testSet
	switch {
	case a.N < 1 || b.N < 1:
		return fmt.Errorf("there are %d training images and %d test images; there must be some of both", a.N, b.N)
	case a.H != b.H || a.W != b.W:
		return fmt.Errorf("training images have %d×%d pixels, test images %d×%d; they must be alike", a.H, a.W, b.H, b.W)
	case b.Classes() > a.Classes():
		return fmt.Errorf("a test image has the label %d; the training images have those below %d", b.Classes()-1, a.Classes())
	}
	return nil
}

// labelledSets are the pictures that a model is trained on, evaluated on while it is, and measured on. It implements parts of
// train.Task and job.Model.
type labelledSets struct {
	trainedOn
	whole, set, held, test *data.Images // whole is set and held
}

// sets reads the pictures and divides those of training.
func (l *Labelled) sets(ctx context.Context, env job.Env, c *job.Training) (labelledSets, error) {
	trainSet, testSet, err := l.load(ctx, env)
	if err != nil {
		return labelledSets{}, err
	}
	return divided(c, trainSet, testSet)
}

// divided divides a training set. testSet may be nil where nothing is measured on it.
func divided(c *job.Training, trainSet, testSet *data.Images) (labelledSets, error) {
	n, lo, hi, err := c.Held(trainSet.N)
	if err != nil {
		return labelledSets{}, err
	}
	return labelledSets{trainedOn{imagesSum(trainSet)}, trainSet, trainSet.Subset(0, n), trainSet.Subset(lo, hi), testSet}, nil
}

func (l *labelledSets) Samples() int { return l.set.N }

// evaluated returns the pictures that are evaluated on: fewer where that tells the energies' spread before training.
func (l *labelledSets) evaluated(scaled bool) *data.Images {
	if scaled {
		return l.held
	}
	return l.held.Subset(0, min(scaleSample, l.held.N))
}

// shownSets are labelledSets of a model whose report shows the test pictures; it implements parts of job.Pictured.
type shownSets struct{ labelledSets }

// shownSets is sets, and refuses pictures that are too large.
func (l *Labelled) shownSets(ctx context.Context, env job.Env, c *job.Training) (shownSets, error) {
	trainSet, testSet, err := l.load(ctx, env)
	if err != nil {
		return shownSets{}, err
	}
	if h, w := trainSet.H, trainSet.W; h > maxSide || w > maxSide {
		return shownSets{}, fmt.Errorf("the pictures have %d×%d pixels; this recipe takes up to %d×%d", h, w, maxSide, maxSide)
	}
	sets, err := divided(c, trainSet, testSet)
	return shownSets{sets}, err
}

func (s *shownSets) Pictures() (report.Images, error) {
	return report.PlaneImages(s.test.Pixels, 1, s.test.H, s.test.W)
}

// shown reads the pictures again, to be shown.
func (l *Labelled) shown(ctx context.Context, c *job.Training) (*job.Shown, error) {
	if err := here(l.Data == "" && l.Sets == nil); err != nil {
		return nil, err
	}
	sets, err := l.sets(ctx, job.Env{}, c)
	if err != nil {
		return nil, err
	}
	held, test := slices.Clone(sets.held.Pixels), sets.test.Pixels // the others are let go
	return shownOf(sets.Data(), held, test, 1, sets.test.H, sets.test.W)
}

// here refuses data that would have to be fetched.
func here(mnist bool) error {
	if mnist && !data.Fetched() {
		return errors.New("the pictures of MNIST are not on this machine; a training fetches them")
	}
	return nil
}

// shownOf are pictures of two sets, of c planes of h·w.
func shownOf(sum string, held, test []byte, c, h, w int) (*job.Shown, error) {
	s := &job.Shown{Data: sum, Bytes: len(held) + len(test)}
	var err error
	if s.Held, err = report.PlaneImages(held, c, h, w); err == nil {
		s.Test, err = report.PlaneImages(test, c, h, w)
	}
	return s, err
}

// imagesSum stands for a training set in a checkpoint's settings; its folder's path would not, for the data may have moved.
func imagesSum(set *data.Images) string {
	sum := crc32.Update(crc32.ChecksumIEEE(set.Pixels), crc32.IEEETable, set.Labels)
	return fmt.Sprintf("%d pictures of %d×%d with checksum %08x", set.N, set.H, set.W, sum)
}

// sheet lays out pictures [n, H·W] of a set's size in columns. Of several kinds of n pictures each, a row of the first
// stands above one of the second, and so on; the last row of each is then filled up with black.
func sheet(set *data.Images, columns int, name, title, note string, kinds ...[]float32) report.Sheet {
	d := set.Size()
	n := len(kinds[0]) / d
	s := report.Sheet{Name: name, Title: title, Note: note, H: set.H, W: set.W, Columns: min(columns, n)}
	if len(kinds) == 1 {
		s.Pixels = kinds[0]
		return s
	}
	s.Band = len(kinds)
	for lo := 0; lo < n; lo += s.Columns {
		hi := min(lo+s.Columns, n)
		for _, y := range kinds {
			s.Pixels = append(s.Pixels, y[lo*d:hi*d]...)
			s.Pixels = append(s.Pixels, make([]float32, (s.Columns-(hi-lo))*d)...)
		}
	}
	return s
}
