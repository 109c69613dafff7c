package data

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/energo-ml/energo/internal/excerpt"
	"golang.org/x/sync/semaphore"
)

// PictureOptions says how pictures are read.
type PictureOptions struct {
	C         int   // channels: 1, 3, or 0 for 1 where no picture has colours and 3 where one has
	H, W      int   // pixels that every picture is fitted to; see Fit
	MaxPixels int   // that a file may declare; 0 means MaxPicturePixels
	MaxBytes  int64 // of all pictures fitted, N·C·H·W; 0 means 2 GiB
	Skip      bool  // leave out pictures that cannot be read
}

// Bounds of sets of pictures.
const (
	maxPictureSide  = 1 << 12
	maxPictureBytes = 2 << 30
	// mostDecoding is how many bytes pictures that are decoded take at once, on all cores together; a larger one is alone.
	mostDecoding = 1 << 30
)

// check refuses what cannot be read to, and puts in the defaults.
func (o PictureOptions) check() (PictureOptions, error) {
	if o.C != 0 && o.C != 1 && o.C != 3 {
		return o, fmt.Errorf("channels are %d; they must be 1 or 3, or 0 for what the pictures have", o.C)
	}
	if o.H < 1 || o.W < 1 || o.H > maxPictureSide || o.W > maxPictureSide {
		return o, fmt.Errorf("pictures of %d×%d pixels are asked for; sides are from 1 to %d", o.H, o.W, maxPictureSide)
	}
	if o.MaxPixels == 0 {
		o.MaxPixels = MaxPicturePixels
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = maxPictureBytes
	}
	return o, nil
}

// ReadPictures reads the pictures that ListPictures lists and that have a label. Labels are places in Classes, which
// are the labels' names in their order. skipped says, where o.Skip is set, which pictures could not be
// read; without it, the first of them is the error. Files are decoded on all cores; the order of
// the pictures is that of the list.
func ReadPictures(ctx context.Context, source string, o PictureOptions) (p *Pictures, skipped []error, err error) {
	all, err := ListPictures(source)
	if err != nil {
		return nil, nil, err
	}
	list, err := all.Labelled()
	if err != nil {
		return nil, nil, err
	}
	p, kept, skipped, err := readFiles(ctx, list.Files, o)
	if err != nil {
		return nil, nil, err
	}
	p.Left = list.Left
	for _, f := range kept {
		p.Classes = append(p.Classes, f.Label)
	}
	slices.Sort(p.Classes)
	p.Classes = slices.Compact(p.Classes)
	for _, f := range kept {
		k, _ := slices.BinarySearch(p.Classes, f.Label)
		p.Labels = append(p.Labels, k)
	}
	return p, skipped, nil
}

// PicturePair is two pictures of a set, by their places, and whether they show the same.
type PicturePair struct {
	A, B int
	Same bool
}

// ReadPairs reads a CSV file with a row path1,path2,same for each pair, where same is 1 or 0, true or
// false; a header and a byte order mark may come first, and paths are relative to the file. A picture that stands in
// several pairs is read once; one paired with itself is refused. Pairs of skipped pictures are left out; see ReadPictures.
func ReadPairs(ctx context.Context, path string, o PictureOptions) (p *Pictures, pairs []PicturePair, skipped []error, err error) {
	var files []PictureFile
	place := map[string]int{}
	add := func(picture string, line int) int {
		f := besideFile(path, picture, line)
		i, ok := place[f.File]
		if !ok {
			i = len(files)
			place[f.File] = i
			files = append(files, f)
		}
		return i
	}
	first := true
	err = eachRow(path, func(row []string, line int) error {
		const header = "path1,path2,same"
		begins := first
		first = false
		switch {
		case begins && isPairsHeader(row):
			return nil
		case len(row) != 3:
			return fmt.Errorf("it has %d fields; they must be %s", len(row), header)
		}
		same, err := parseSame(row[2])
		if err != nil || row[0] == "" || row[1] == "" {
			return fmt.Errorf("same is %q; the fields must be two paths and 1, 0, true or false", excerpt.Of(row[2]))
		}
		a, b := add(row[0], line), add(row[1], line)
		if a == b {
			return fmt.Errorf("%s is paired with itself", excerpt.Of(row[0]))
		}
		pairs = append(pairs, PicturePair{a, b, same})
		return nil
	})
	if err != nil {
		return nil, nil, nil, err
	}
	if len(pairs) == 0 {
		return nil, nil, nil, fmt.Errorf("%s lists no pairs", path)
	}
	p, kept, skipped, err := readFiles(ctx, files, o)
	if err != nil {
		return nil, nil, nil, err
	}
	clear(place)
	for i, f := range kept {
		place[f.File] = i
	}
	both := pairs[:0]
	for _, pair := range pairs {
		a, okA := place[files[pair.A].File]
		b, okB := place[files[pair.B].File]
		if okA && okB {
			both = append(both, PicturePair{a, b, pair.Same})
		}
	}
	if len(both) == 0 {
		return nil, nil, nil, fmt.Errorf("%s: of no pair could both pictures be read: %w", path, skipped[0])
	}
	return p, both, skipped, nil
}

func parseSame(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither", excerpt.Of(text))
}

// readFiles reads and fits files; kept are those of the pictures read, in order.
func readFiles(ctx context.Context, files []PictureFile, o PictureOptions) (p *Pictures, kept []PictureFile, skipped []error, err error) {
	if o, err = o.check(); err != nil {
		return nil, nil, nil, err
	}
	c := o.C
	if c == 0 {
		c = 3
	}
	size := c * o.H * o.W
	if int64(len(files)) > o.MaxBytes/int64(size) {
		return nil, nil, nil, fmt.Errorf("%d pictures of %d×%d×%d bytes are more than the %d MiB that are taken; ask for smaller or fewer ones", len(files), c, o.H, o.W, o.MaxBytes>>20)
	}
	p = &Pictures{Pixels: make([]byte, len(files)*size), C: c, H: o.H, W: o.W}
	failed := make([]error, len(files))
	if err := decodeAll(ctx, files, p, failed, o); err != nil {
		return nil, nil, nil, err
	}
	for i, f := range files {
		if failed[i] != nil {
			skipped = append(skipped, failed[i])
			continue
		}
		copy(p.Picture(p.N), p.Picture(i))
		p.Paths = append(p.Paths, f.Path)
		kept = append(kept, f)
		p.N++
	}
	if p.N == 0 {
		return nil, nil, nil, fmt.Errorf("none of %d pictures could be read: %w", len(files), skipped[0])
	}
	p.Pixels = p.Pixels[:p.N*size]
	if o.C == 0 {
		p.dropColours()
	}
	return p, kept, skipped, nil
}

// decodeAll reads the files into p, and what is wrong with them into failed. Without o.Skip it
// stops at the first bad file, and returns its error.
func decodeAll(ctx context.Context, files []PictureFile, p *Pictures, failed []error, o PictureOptions) error {
	var next atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	room := semaphore.NewWeighted(mostDecoding)
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		wg.Go(func() {
			for !stop.Load() && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return
				}
				if failed[i] = files[i].fault(p.decode(ctx, i, files[i].File, o.MaxPixels, room)); failed[i] != nil && !o.Skip {
					stop.Store(true) // files before this one are taken already, so the first error is found whoever is quicker
				}
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, err := range failed {
		if err != nil && !o.Skip {
			return err
		}
	}
	return nil
}

// decode reads a file into picture i, once there is room for its bytes.
func (p *Pictures) decode(ctx context.Context, i int, path string, maxPixels int, room *semaphore.Weighted) error {
	encoded, err := OpenPicture(path, maxPixels)
	if err != nil {
		return err
	}
	bytes := min(encoded.Memory(p.W, p.H), mostDecoding)
	if err := room.Acquire(ctx, bytes); err != nil {
		return err
	}
	defer room.Release(bytes)
	fitted, err := encoded.Fitted(p.W, p.H)
	if err != nil {
		return fmt.Errorf("%s: %w", excerpt.Line(excerpt.Of(path)), err)
	}
	planes(p.Picture(i), fitted, p.C)
	return nil
}

// dropColours makes a set of three channels one of grey if no picture has a colour.
func (p *Pictures) dropColours() {
	n := p.H * p.W
	for i := range p.N {
		x := p.Picture(i)
		if !slices.Equal(x[:n], x[n:2*n]) || !slices.Equal(x[:n], x[2*n:]) {
			return
		}
	}
	grey := make([]byte, 0, p.N*n)
	for i := range p.N {
		grey = append(grey, p.Picture(i)[:n]...)
	}
	p.Pixels, p.C = grey, 1
}

// pairColumns are the names that the columns of pairs have in such files, without the number of a path.
var pairColumns = [][]string{
	{"path", "file", "filename", "image", "img", "picture"},
	{"same", "label", "match", "is_same"},
}

// isPairsHeader tells whether a row names the columns of pairs, as path1,path2,same or image1,image2,label does.
func isPairsHeader(row []string) bool {
	if len(row) != 3 {
		return false
	}
	named := func(name, number string, names []string) bool {
		name, ok := strings.CutSuffix(strings.ToLower(name), number)
		return ok && slices.Contains(names, name)
	}
	return named(row[0], "1", pairColumns[0]) && named(row[1], "2", pairColumns[0]) && named(row[2], "", pairColumns[1])
}
