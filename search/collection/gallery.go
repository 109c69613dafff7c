package collection

import (
	"context"
	"errors"
	"image"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/search/index"
)

// A Gallery finds the pictures of items where the index says that they were. Its zero value is ready for items with absolute paths, and
// several goroutines may use it at a time.
type Gallery struct {
	Memory Memory // of the index

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

// Undecoded is a picture that is not decoded yet: a data.EncodedPicture or a data.DecodedPicture.
type Undecoded interface {
	// Memory is the bytes that decoding it takes at most, scaled to w×h pixels or fewer.
	Memory(w, h int) int64
	// Within decodes it, scaled so that neither side has more than side pixels.
	Within(side int) (image.Image, error)
}

// Picture returns that of an item, or fs.ErrNotExist where it has none. Only what a Filling recorded is read. A set of digits is
// loaded once, and stays in memory.
func (g *Gallery) Picture(ctx context.Context, item index.Item) (Undecoded, error) {
	at := g.Memory.Locate(item.Fields)
	if at == "" {
		return nil, fs.ErrNotExist
	}
	if dir, place, ok := cutDigit(at); ok {
		if _, err := os.Stat(at); err != nil { // a file may be called so, too
			return g.digit(ctx, dir, place)
		}
	}
	p, err := data.OpenPicture(at, data.MaxPicturePixels)
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

// IsDigit reports whether a path is that of a digit in a set of digits.
func IsDigit(at string) bool {
	_, _, ok := cutDigit(at)
	return ok
}

func (g *Gallery) digit(ctx context.Context, dir, place string) (Undecoded, error) {
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
func (g *Gallery) sets(ctx context.Context, dir string) *digitSets {
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
