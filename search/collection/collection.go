// Package collection keeps indexes of collections of pictures: List lists the pictures of a collection, [Filling] encodes them and
// adds to an index what it does not have yet, [Remember] notes which run's network made an index's vectors, [Evaluate] measures how
// well items of the same label are near one another, and a [Gallery] finds the pictures of items again.
package collection

import (
	"context"
	"fmt"
	"hash/crc32"
	"image"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/data"
)

// StampField is the field of an item that changes when its picture does. Like index.PathField it is for programs, not for people.
const StampField = "stamp"

// A Picture is one of a collection, to be in an index.
type Picture struct {
	ID    string // the collection's name, a slash, and the place in it
	Label string
	Path  string // where it is, for people and for a Gallery

	file string      // to decode; "" where grey is it already
	grey *image.Gray // of a set of digits
}

// digitMark stands in the path of a digit between its set's folder, or mnist, and its place.
const digitMark = "#"

// mnist is how MNIST itself is named where a folder might be.
const mnist = "mnist"

// List lists the pictures of a collection: of a folder with a subfolder for each label or of a CSV file path,label, as
// data.ListPictures does; of a folder of the four IDX files of an MNIST-like set; or, where source is "mnist", of MNIST, with the
// progress of its download. Identifiers begin with name, or with the collection's own name if that is empty.
func List(ctx context.Context, source, name string, progress data.Progress) ([]Picture, error) {
	at := source
	if source != mnist {
		var err error
		if at, err = filepath.Abs(source); err != nil {
			return nil, err
		}
	}
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(at), ".csv")
	}
	if source == mnist || data.HasDigits(source) {
		train, test, err := data.LoadDigits(ctx, digitsDir(at), progress)
		if err != nil {
			return nil, err
		}
		return append(digits(train, "train", at, name), digits(test, "test", at, name)...), nil
	}
	files, err := data.ListPictures(at)
	if err != nil {
		return nil, err
	}
	all := make([]Picture, len(files))
	for i, f := range files {
		all[i] = Picture{ID: path.Join(name, f.Path), Label: f.Label, Path: f.File, file: f.File}
	}
	return all, nil
}

// digitsDir is the folder of a set of digits as data.LoadDigits takes it.
func digitsDir(at string) string {
	if at == mnist {
		return ""
	}
	return at
}

// digits are the pictures of a part of a set of digits.
func digits(set *data.Images, part, at, name string) (all []Picture) {
	for i := range set.N {
		place := fmt.Sprintf("%s/%05d", part, i)
		all = append(all, Picture{
			ID: path.Join(name, place), Label: strconv.Itoa(int(set.Labels[i])), Path: at + digitMark + place, grey: digit(set, i),
		})
	}
	return all
}

// digit is a picture of a set of digits, sharing its pixels.
func digit(m *data.Images, i int) *image.Gray {
	return &image.Gray{Pix: m.Image(i), Stride: m.W, Rect: image.Rect(0, 0, m.W, m.H)}
}

// stamp returns what changes when the picture does.
func (p *Picture) stamp() (string, error) {
	if p.grey != nil {
		return fmt.Sprintf("%08x", crc32.ChecksumIEEE(p.grey.Pix)), nil
	}
	info, err := os.Stat(p.file)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d-%d", info.Size(), info.ModTime().UnixNano()), nil
}
