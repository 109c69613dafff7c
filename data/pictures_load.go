package data

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
)

// LoadPictures returns training and test pictures. source is a folder or a CSV file as
// ListPictures takes it, and test another, or "" for none, where the test set is nil; or source is a
// folder of four IDX files, or "" for MNIST, whose pictures stay as large as they are and which have a test set of their
// own. Both sets have the same Classes, though a class may have pictures in only one of them.
func LoadPictures(ctx context.Context, source, test string, o PictureOptions, progress Progress) (trainSet, testSet *Pictures, skipped []error, err error) {
	if source == "" || HasDigits(source) {
		if test != "" {
			return nil, nil, nil, errors.New("a test set is named, but digits in IDX files have one of their own")
		}
		a, b, err := LoadDigits(ctx, source, progress)
		if err != nil {
			return nil, nil, nil, err
		}
		trainSet, testSet = PicturesOf(a, "train"), PicturesOf(b, "test")
		testSet.Classes = trainSet.Classes
		return trainSet, testSet, nil, nil
	}
	trainSet, skipped, err = ReadPictures(ctx, source, o)
	if err != nil || test == "" {
		return trainSet, nil, skipped, err
	}
	o.C = trainSet.C
	testSet, more, err := ReadPictures(ctx, test, o)
	if err != nil {
		return nil, nil, nil, err
	}
	all := slices.Concat(trainSet.Classes, testSet.Classes)
	slices.Sort(all)
	all = slices.Compact(all)
	trainSet.reclass(all)
	testSet.reclass(all)
	return trainSet, testSet, append(skipped, more...), nil
}

// HasDigits says whether a folder has the training pictures of an MNIST-like set, in one of
// the spellings that LoadDigits takes.
func HasDigits(dir string) bool {
	return slices.ContainsFunc(spellings(trainImages), func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
}

// reclass makes labels places in other classes, sorted and with all of the set's own.
func (p *Pictures) reclass(classes []string) {
	for i, y := range p.Labels {
		p.Labels[i], _ = slices.BinarySearch(classes, p.Classes[y])
	}
	p.Classes = classes
}
