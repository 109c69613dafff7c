package cli

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
)

// entry is a picture that is to be in an index.
type entry struct {
	id, label string
	path      string      // where it is, for people and for gallery
	file      string      // to decode; "" where grey is it already
	grey      *image.Gray // of a set of digits
}

// digitMark stands in the path of a digit between its set's folder, or mnist, and its place.
const digitMark = "#"

// mnist is how MNIST itself is named where a folder might be.
const mnist = "mnist"

// listCollection lists the pictures of a folder with a subfolder for each label, of a CSV file path,label,
// of a folder of four IDX files, or of MNIST. Their identifiers begin with name, "" for the collection's own.
func listCollection(ctx context.Context, source, name string, p *progress) ([]entry, error) {
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
		return listDigits(ctx, at, name, p)
	}
	files, err := data.ListPictures(at)
	if err != nil {
		return nil, err
	}
	all := make([]entry, len(files))
	for i, f := range files {
		all[i] = entry{id: path.Join(name, f.Path), label: f.Label, path: f.File, file: f.File}
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

func listDigits(ctx context.Context, at, name string, p *progress) ([]entry, error) {
	train, test, err := p.load(ctx, digitsDir(at))
	if err != nil {
		return nil, err
	}
	var all []entry
	for _, part := range []struct {
		name string
		set  *data.Images
	}{{"train", train}, {"test", test}} {
		for i := range part.set.N {
			place := fmt.Sprintf("%s/%05d", part.name, i)
			all = append(all, entry{
				id: path.Join(name, place), label: strconv.Itoa(int(part.set.Labels[i])), path: at + digitMark + place, grey: digit(part.set, i),
			})
		}
	}
	return all, nil
}

// digit is a picture of a set of digits, sharing its pixels.
func digit(m *data.Images, i int) *image.Gray {
	return &image.Gray{Pix: m.Image(i), Stride: m.W, Rect: image.Rect(0, 0, m.W, m.H)}
}

// stamp returns what changes when the picture does.
func (e *entry) stamp() (string, error) {
	if e.grey != nil {
		return fmt.Sprintf("%08x", crc32.ChecksumIEEE(e.grey.Pix)), nil
	}
	info, err := os.Stat(e.file)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d-%d", info.Size(), info.ModTime().UnixNano()), nil
}

// readPicture reads the picture in a file, up to its pixels.
func readPicture(file string) (*data.EncodedPicture, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, fmt.Errorf("%s is not an ordinary file; it must be a picture", shown(file))
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := data.ReadPicture(f, data.MaxPicturePixels)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown(file), err)
	}
	return p, nil
}

// gallery finds the pictures of items where the index says that they were.
type gallery struct {
	load   func(ctx context.Context, dir string, progress data.Progress) (train, test *data.Images, err error) // nil is data.LoadDigits
	mu     sync.Mutex
	digits map[string]*digitSets // by folder
}

// digitSets are the pictures of a folder, once done is closed.
type digitSets struct {
	done        chan struct{}
	train, test *data.Images
	err         error
}

// picture returns that of an item, or fs.ErrNotExist. Only what energo index recorded is read.
func (g *gallery) picture(ctx context.Context, item index.Item) (serve.Picture, error) {
	at := item.Fields[index.PathField]
	if at == "" {
		return nil, fs.ErrNotExist
	}
	if dir, place, ok := cutDigit(at); ok {
		if _, err := os.Stat(at); err != nil { // a file may be called so, too
			return g.digit(ctx, dir, place)
		}
	}
	p, err := readPicture(at)
	if err != nil { // not in the interface: a nil pointer there is none
		return nil, err
	}
	return p, nil
}

var digitPlace = regexp.MustCompile(`^(train|test)/\d+$`)

// cutDigit cuts the path of a digit into its set and its place there.
func cutDigit(at string) (dir, place string, ok bool) {
	cut := strings.LastIndex(at, digitMark)
	if cut < 0 || !digitPlace.MatchString(at[cut+1:]) {
		return "", "", false
	}
	return at[:cut], at[cut+1:], true
}

func (g *gallery) digit(ctx context.Context, dir, place string) (serve.Picture, error) {
	sets := g.sets(ctx, dir)
	select {
	case <-sets.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if sets.err != nil {
		return nil, sets.err
	}
	part, number, _ := strings.Cut(place, "/")
	set := sets.train
	if part == "test" {
		set = sets.test
	}
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= set.N {
		return nil, errors.Join(fs.ErrNotExist, err)
	}
	return data.DecodedPicture{Image: digit(set, i)}, nil
}

// sets returns those of a folder, which are loaded once for all who ask, also if the first one goes away. After
// an error, the next one who asks tries again.
func (g *gallery) sets(ctx context.Context, dir string) *digitSets {
	g.mu.Lock()
	defer g.mu.Unlock()
	if sets := g.digits[dir]; sets != nil {
		return sets
	}
	if g.digits == nil {
		g.digits = map[string]*digitSets{}
	}
	load := g.load
	if load == nil {
		load = data.LoadDigits
	}
	sets := &digitSets{done: make(chan struct{})}
	g.digits[dir] = sets
	go func() {
		defer close(sets.done)
		sets.train, sets.test, sets.err = load(context.WithoutCancel(ctx), digitsDir(dir), nil)
		if sets.err != nil {
			g.mu.Lock()
			defer g.mu.Unlock()
			delete(g.digits, dir)
		}
	}()
	return sets
}
