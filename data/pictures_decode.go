package data

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"golang.org/x/image/webp"
)

// Bounds of a picture's file.
const (
	// MaxPicturePixels is how many pixels a picture may have where nothing else is said: more than
	// cameras have. To decode one takes up to sixteen bytes a pixel.
	MaxPicturePixels = 1 << 26
	maxPictureFile   = 1 << 28 // bytes
	maxPictureScans  = 200     // of a JPEG, each of which goes through all of its pixels; progressive ones have about ten
)

// ErrPicture is behind every error about a file that is no picture as it should be.
var ErrPicture = errors.New("not a valid picture")

// pictureFormat is a format that pictures may have.
type pictureFormat struct {
	name, magic string // ? in magic stands for any byte
	suffixes    []string
	config      func(io.Reader) (image.Config, error)
	decode      func(io.Reader) (image.Image, error)
}

var pictureFormats = []pictureFormat{
	{"PNG", "\x89PNG\r\n\x1a\n", []string{".png"}, png.DecodeConfig, png.Decode},
	{"JPEG", "\xff\xd8", []string{".jpg", ".jpeg"}, jpeg.DecodeConfig, jpeg.Decode},
	{"GIF", "GIF8?a", []string{".gif"}, gif.DecodeConfig, gif.Decode},
	{"WebP", "RIFF????WEBPVP8", []string{".webp"}, webp.DecodeConfig, webp.Decode},
}

// isPicture says whether a file's name ends as those of pictures do.
func isPicture(name string) bool {
	suffix := strings.ToLower(filepath.Ext(name))
	return slices.ContainsFunc(pictureFormats, func(f pictureFormat) bool { return slices.Contains(f.suffixes, suffix) })
}

func (f pictureFormat) fits(file []byte) bool {
	if len(file) < len(f.magic) {
		return false
	}
	for i := range len(f.magic) {
		if f.magic[i] != '?' && f.magic[i] != file[i] {
			return false
		}
	}
	return true
}

// DecodePicture decodes a PNG, JPEG, GIF (its first frame) or WebP picture, as its first
// bytes say it is. A JPEG that its camera's sensor saw turned (EXIF) comes upright. A picture whose header declares more
// than maxPixels, or none, is refused before anything is decoded, as is a JPEG of more than 200 scans; all errors but those
// of reading are of ErrPicture.
func DecodePicture(r io.Reader, maxPixels int) (image.Image, error) {
	p, err := ReadPicture(r, maxPixels)
	if err != nil {
		return nil, err
	}
	return p.Decode()
}

// EncodedPicture is a picture's file whose header has been read.
type EncodedPicture struct {
	pictureFormat
	file []byte
	w, h int // that the header declares
}

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
	f, err := os.Open(path)
	if err != nil {
		return nil, excerpt.Error(err)
	}
	defer f.Close()
	p, err := ReadPicture(f, maxPixels)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", excerpt.Line(excerpt.Of(path)), err)
	}
	return p, nil
}

// ParsePicture is ReadPicture of a file in memory, which must stay as it is.
func ParsePicture(file []byte, maxPixels int) (*EncodedPicture, error) {
	if len(file) > maxPictureFile {
		return nil, fmt.Errorf("%w: the file has more than %d MiB", ErrPicture, maxPictureFile>>20)
	}
	i := slices.IndexFunc(pictureFormats, func(f pictureFormat) bool { return f.fits(file) })
	if i < 0 {
		return nil, fmt.Errorf("%w: its first bytes are those of no PNG, JPEG, GIF or WebP", ErrPicture)
	}
	f := pictureFormats[i]
	c, err := f.config(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%w: %s header: %v", ErrPicture, f.name, err)
	}
	if c.Width < 1 || c.Height < 1 {
		return nil, fmt.Errorf("%w: its %s header declares %d×%d pixels", ErrPicture, f.name, c.Width, c.Height)
	}
	if c.Height > maxPixels/c.Width {
		return nil, fmt.Errorf("%w: its %s header declares %d×%d pixels; at most %d are taken", ErrPicture, f.name, c.Width, c.Height, maxPixels)
	}
	if f.name == "JPEG" {
		if n := bytes.Count(file, []byte(jpegScan)); n > maxPictureScans {
			return nil, fmt.Errorf("%w: it has %d JPEG scans; at most %d are taken", ErrPicture, n, maxPictureScans)
		}
	}
	return &EncodedPicture{pictureFormat: f, file: file, w: c.Width, h: c.Height}, nil
}

// jpegScan begins a scan. In a scan itself, 0xff is never followed by it.
const jpegScan = "\xff\xda"

// Decode decodes the picture as it is.
func (p *EncodedPicture) Decode() (image.Image, error) {
	m, err := p.decodeAsSeen()
	if err != nil {
		return nil, err
	}
	return upright(m, p.orientation()), nil
}

// decodeAsSeen decodes the picture as its camera's sensor saw it.
func (p *EncodedPicture) decodeAsSeen() (image.Image, error) {
	m, err := p.decode(bytes.NewReader(p.file))
	if err != nil {
		return nil, p.broken(err)
	}
	if m.Bounds().Empty() {
		return nil, fmt.Errorf("%w: its first %s frame is empty", ErrPicture, p.name)
	}
	return m, nil
}

func (p *EncodedPicture) broken(err error) error {
	return fmt.Errorf("%w: %s: %v", ErrPicture, p.name, err)
}

func (p *EncodedPicture) orientation() int {
	if p.name != "JPEG" {
		return 1
	}
	return exifOrientation(p.file)
}

// Fitted returns what Fit makes of the picture in colour, w×h pixels. A PNG is scaled while it is decoded, row by row.
func (p *EncodedPicture) Fitted(w, h int) (*image.RGBA, error) {
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
func (p *EncodedPicture) scaled(plan func(size image.Point) (part image.Rectangle, w, h int)) (*image.RGBA, error) {
	if p.name == "PNG" {
		file, err := parsePNG(p.file)
		if err != nil {
			return nil, p.broken(err)
		}
		f := newFitter(plan(image.Pt(file.w, file.h)))
		if err := file.rows(func(row *image.NRGBA, x, y, step int) { f.add(row, image.Point{}, x, y, step) }); err != nil {
			return nil, p.broken(err)
		}
		return f.picture(), nil
	}
	m, err := p.decodeAsSeen()
	if err != nil {
		return nil, err
	}
	o, size := p.orientation(), m.Bounds().Size()
	part, w, h := plan(turned(size, o))
	scaled := turned(image.Pt(w, h), o)
	f := newFitter(seenPart(part, o, size).Add(m.Bounds().Min), scaled.X, scaled.Y)
	f.addAll(m)
	return upright(f.picture(), o).(*image.RGBA), nil
}

// Memory is the bytes that decoding the picture takes at most, besides the file and FitMemory of what is made of it.
func (p *EncodedPicture) Memory() int64 {
	const rest = 1 << 20 // tables and buffers
	return rest + int64(float64(p.w)*float64(p.h)*p.pixelBytes()) + rowBytes*int64(p.w) + weightBytes*int64(p.w+p.h)
}

// rowBytes is what rows take for each of their pixels: a PNG's of sixteen bits, as it comes, twice, in four bytes, and
// over white.
const rowBytes = 2*8 + 4 + 4

// weightBytes is what the weights of scaling take for each row and column: each counts for two pixels.
const weightBytes = 2 * 4

// FitMemory is the bytes that it takes to scale a picture to w×h pixels.
func FitMemory(w, h int) int64 { return fitBytes * int64(w) * int64(h) }

// pixelBytes is the bytes that a picture's decoder takes for a pixel.
func (p *EncodedPicture) pixelBytes() float64 {
	switch p.name {
	case "PNG":
		return 0
	case "JPEG":
		return jpegBytes(p.file)
	case "GIF":
		return 2 // one more to put an interlaced one in order
	}
	if string(p.file[12:16]) == "VP8 " {
		return 2
	}
	return 12 // lossless, or with an alpha plane that is
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
