package data

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"os"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/picture"
)

// Bounds of a picture's file.
const (
	// MaxPicturePixels is how many pixels a picture may have where nothing else is said: more than cameras have.
	MaxPicturePixels = 200_000_000
	maxPictureFile   = 1 << 29 // bytes
)

// ErrPicture is behind every error about a file that is no picture as it should be.
var ErrPicture = errors.New("not a valid picture")

// DecodePicture decodes a PNG, JPEG, GIF, WebP, BMP or TIFF picture, as its first bytes say it is: of an animation its first
// frame. A picture that its camera's sensor saw turned (EXIF) comes upright. Samples of 16 bits lose the lower eight, and
// colour profiles are ignored. A picture whose header declares more than maxPixels, or none, is refused before anything is
// decoded, as is a JPEG of more than 200 scans; all errors but those of reading are of ErrPicture.
func DecodePicture(r io.Reader, maxPixels int) (image.Image, error) {
	p, err := ReadPicture(r, maxPixels)
	if err != nil {
		return nil, err
	}
	return p.Decode()
}

// EncodedPicture is a picture's file whose header has been read.
type EncodedPicture struct{ *picture.File }

// ReadPicture reads a file and refuses what DecodePicture refuses before it decodes.
func ReadPicture(r io.Reader, maxPixels int) (*EncodedPicture, error) {
	file, err := io.ReadAll(io.LimitReader(r, maxPictureFile+1))
	if err != nil {
		return nil, err
	}
	return ParsePicture(file, maxPixels)
}

// OpenPicture is ReadPicture of a file by its path, which the errors name. What is not a regular file is refused.
func OpenPicture(path string, maxPixels int) (*EncodedPicture, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, excerpt.Error(err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, fmt.Errorf("%s is not a regular file; it must be a picture", excerpt.Line(excerpt.Of(path)))
	}
	if info.Size() > maxPictureFile {
		return nil, fmt.Errorf("%s: %w", excerpt.Line(excerpt.Of(path)), errPictureFile)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, excerpt.Error(err)
	}
	p, err := ParsePicture(file, maxPixels)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", excerpt.Line(excerpt.Of(path)), err)
	}
	return p, nil
}

var errPictureFile = fmt.Errorf("%w: the file has more than %d MiB", ErrPicture, maxPictureFile>>20)

// ParsePicture is ReadPicture of a file in memory, which must stay as it is.
func ParsePicture(file []byte, maxPixels int) (*EncodedPicture, error) {
	if len(file) > maxPictureFile {
		return nil, errPictureFile
	}
	f, err := picture.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPicture, err)
	}
	if f.W < 1 || f.H < 1 {
		return nil, fmt.Errorf("%w: its %s header declares %d×%d pixels", ErrPicture, f.Format, f.W, f.H)
	}
	if f.H > maxPixels/f.W {
		return nil, fmt.Errorf("%w: its %s header declares %d×%d pixels; at most %d are taken", ErrPicture, f.Format, f.W, f.H, maxPixels)
	}
	return &EncodedPicture{f}, nil
}

// rows is File.Rows with errors that name the format.
func (p *EncodedPicture) rows(shrink int, use func(picture.Row)) error {
	if err := p.Rows(shrink, use); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrPicture, p.Format, err)
	}
	return nil
}

// Decode decodes the picture as it is.
func (p *EncodedPicture) Decode() (image.Image, error) {
	var m *image.NRGBA
	err := p.rows(1, func(r picture.Row) {
		if m == nil { // a file that is broken from the beginning takes no memory
			m = image.NewNRGBA(image.Rect(0, 0, p.W, p.H))
		}
		dst := m.Pix[r.Y*m.Stride:][:m.Stride]
		if r.Step == 1 {
			copy(dst[4*r.X:], r.Pix)
			return
		}
		for i := 0; 4*i < len(r.Pix); i++ {
			copy(dst[4*(r.X+i*r.Step):], r.Pix[4*i:][:4])
		}
	})
	if err != nil {
		return nil, err
	}
	return upright(m, p.Orientation), nil
}

// Fitted returns what Fit makes of the picture in colour, w×h pixels, scaled while it is decoded, row by row. A JPEG that
// is more than twice as large is decoded at 1/2, 1/4 or 1/8.
func (p *EncodedPicture) Fitted(w, h int) (*image.NRGBA, error) {
	return p.scaled(func(size image.Point) (image.Rectangle, int, int) {
		return middle(image.Rectangle{Max: size}, h, w), w, h
	})
}

// Within returns the whole picture scaled so that neither side has more than side pixels, over white.
func (p *EncodedPicture) Within(side int) (image.Image, error) {
	return p.scaled(func(size image.Point) (image.Rectangle, int, int) {
		w, h := sizeWithin(size.X, size.Y, side)
		return image.Rectangle{Max: size}, w, h
	})
}

// scaled scales a part of the upright picture to w×h pixels; plan chooses them by its size.
func (p *EncodedPicture) scaled(plan func(size image.Point) (part image.Rectangle, w, h int)) (*image.NRGBA, error) {
	size := image.Pt(p.W, p.H)
	part, w, h := plan(turned(size, p.Orientation))
	to := turned(image.Pt(w, h), p.Orientation)
	part = seenPart(part, p.Orientation, size)
	shrink := p.shrink(part.Size(), to)
	f := newFitter(part, shrink, to.X, to.Y)
	if err := p.rows(shrink, func(r picture.Row) { f.add(r.Pix, r.X, r.Y, r.Step) }); err != nil {
		return nil, err
	}
	return upright(f.picture(), p.Orientation), nil
}

// shrink is how many times smaller the picture may be decoded to scale a part of a size to another: what is left for the
// fitter is at least to halve it.
func (p *EncodedPicture) shrink(from, to image.Point) int {
	shrink := 1
	for p.Shrinks && shrink < 8 && from.X >= 4*shrink*to.X && from.Y >= 4*shrink*to.Y {
		shrink *= 2
	}
	return shrink
}

// Memory is the bytes that it takes at most to decode the picture, scaled to w×h pixels or fewer, besides the file.
func (p *EncodedPicture) Memory(w, h int) int64 {
	part := middle(image.Rect(0, 0, p.W, p.H), h, w).Size()
	if p.Orientation >= 5 {
		part = middle(image.Rect(0, 0, p.W, p.H), w, h).Size()
		w, h = h, w
	}
	const weightBytes, rowBytes = 2 * 4, 4 // weights of scaling: each row and column counts for two pixels; a row over white
	return p.File.Memory(p.shrink(part, image.Pt(w, h))) + fitBytes*int64(w)*int64(h) + (weightBytes+rowBytes)*int64(p.W+p.H)
}

func checkFit(dst []byte, c, h, w int) {
	if c != 1 && c != 3 || len(dst) != c*h*w {
		panic(fmt.Sprintf("data: Fit to %d channels of %d×%d pixels into %d bytes", c, h, w, len(dst)))
	}
}

func luma(r, g, b byte) byte {
	y, _, _ := color.RGBToYCbCr(r, g, b)
	return y
}

// middle is the largest part of a rectangle, about its middle, that has the shape w:h.
func middle(r image.Rectangle, h, w int) image.Rectangle {
	dx, dy := r.Dx(), r.Dy()
	if dx*h > dy*w {
		wide := max((dy*w+h/2)/h, 1)
		r.Min.X += (dx - wide) / 2
		r.Max.X = r.Min.X + wide
	} else {
		tall := max((dx*h+w/2)/w, 1)
		r.Min.Y += (dy - tall) / 2
		r.Max.Y = r.Min.Y + tall
	}
	return r
}
