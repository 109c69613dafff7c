// Package collection keeps indexes of collections of pictures: List lists the pictures of a collection, [Filling] encodes them and
// adds to an index what it does not have yet, a [Memory] is what an index knows of its encoder and of its pictures' folders, [Evaluate]
// measures how well items of the same label are near one another, and a [Gallery] finds the pictures of items again.
package collection

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"image"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/search/index"
)

// Fields of an item that are for programs, not for people, as index.PathField is.
const (
	// StampField changes when the picture does.
	StampField = "stamp"
	// RootField names the collection whose folder index.PathField is relative to; an item without it has an absolute path.
	RootField = "root"
)

// PrivateFields are the fields of items by which a picture is found again, and the one that has it made small.
var PrivateFields = []string{index.PathField, index.ThumbField, StampField, RootField}

// PublicFields are the fields of an item without the private ones.
func PublicFields(fields map[string]string) map[string]string {
	public := maps.Clone(fields)
	for _, name := range PrivateFields {
		delete(public, name)
	}
	return public
}

// A Collection is the pictures that an index is filled with.
type Collection struct {
	Name     string // what identifiers begin with
	Root     string // the folder that all pictures lie in, absolute; "" where there is none
	Pictures []Picture
	Left     data.LeftOuts // what is not among them, and why
}

// A Picture is one of a collection, to be in an index.
type Picture struct {
	ID     string // the collection's name, a slash, and the place in it
	Label  string
	Path   string            // where it is, for people
	Fields map[string]string // what else is known of it

	root, place string      // what an item says of where it is: RootField and PathField
	file        string      // to decode; "" where grey is it already
	grey        *image.Gray // of a set of digits
}

// digitMark stands in the path of a digit between its set's folder, or mnist, and its place.
const digitMark = "#"

// mnist is how MNIST itself is named where a folder might be.
const mnist = "mnist"

// List lists the pictures of a collection: of a folder, a CSV file path,label or one picture, as data.ListPictures does; of a folder of the
// four IDX files of an MNIST-like set; or, where source is "mnist", of MNIST, with the progress of its download. Identifiers begin with
// name, or with the name of the folder or the CSV file if that is empty.
func List(ctx context.Context, source, name string, progress data.Progress) (*Collection, error) {
	if source == mnist {
		c := &Collection{Name: cmp.Or(name, mnist)}
		return c, c.addDigits(ctx, mnist, progress)
	}
	at, err := filepath.Abs(source)
	if err != nil {
		return nil, err
	}
	if data.HasDigits(source) {
		c := &Collection{Name: cmp.Or(name, filepath.Base(at)), Root: at}
		return c, c.addDigits(ctx, at, progress)
	}
	l, err := data.ListPictures(at)
	if err != nil {
		return nil, err
	}
	c := &Collection{Name: name, Root: l.Root, Left: l.Left}
	if name == "" {
		c.Name = filepath.Base(l.Root)
		if filepath.Ext(at) == ".csv" {
			c.Name = strings.TrimSuffix(filepath.Base(at), ".csv")
		}
	}
	for _, f := range l.Files {
		p := Picture{ID: path.Join(c.Name, f.Path), Label: f.Label, Path: f.File, Fields: f.Fields, root: c.Name, place: f.Path, file: f.File}
		for _, own := range PrivateFields {
			if _, taken := f.Fields[own]; taken {
				return nil, fmt.Errorf("%s: a column is called %q, which is a field that energo keeps for itself; give it another name", excerpt.Line(at), own)
			}
		}
		if filepath.IsAbs(filepath.FromSlash(f.Path)) {
			p.root, p.place = "", f.File
		}
		c.Pictures = append(c.Pictures, p)
	}
	return c, nil
}

// Unrooted makes all paths absolute, for an index that remembers no folders.
func (c *Collection) Unrooted() {
	c.Root = ""
	for i := range c.Pictures {
		c.Pictures[i].root, c.Pictures[i].place = "", c.Pictures[i].Path
	}
}

// addDigits adds the pictures of a set of digits.
func (c *Collection) addDigits(ctx context.Context, at string, progress data.Progress) error {
	train, test, err := data.LoadDigits(ctx, digitsDir(at), progress)
	if err != nil {
		return err
	}
	c.digits(train, "train", at)
	c.digits(test, "test", at)
	return nil
}

// digitsDir is the folder of a set of digits as data.LoadDigits takes it.
func digitsDir(at string) string {
	if at == mnist {
		return ""
	}
	return at
}

// digits adds the pictures of a part of a set of digits.
func (c *Collection) digits(set *data.Images, part, at string) {
	for i := range set.N {
		place := fmt.Sprintf("%s/%05d", part, i)
		p := Picture{ID: path.Join(c.Name, place), Label: strconv.Itoa(int(set.Labels[i])), Path: at + digitMark + place, grey: digit(set, i)}
		p.place = p.Path
		if c.Root != "" {
			p.root, p.place = c.Name, digitMark+place
		}
		c.Pictures = append(c.Pictures, p)
	}
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
