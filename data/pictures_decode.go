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
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/draw"
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
	p, err := readPicture(r, maxPixels)
	if err != nil {
		return nil, err
	}
	return p.decoded()
}

// pictureBytes is a picture's file whose header has been read.
type pictureBytes struct {
	pictureFormat
	file   []byte
	pixels int // that the header declares
}

// readPicture reads a file and refuses what DecodePicture refuses before it decodes.
func readPicture(r io.Reader, maxPixels int) (*pictureBytes, error) {
	file, err := io.ReadAll(io.LimitReader(r, maxPictureFile+1))
	if err != nil {
		return nil, err
	}
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
	return &pictureBytes{pictureFormat: f, file: file, pixels: c.Width * c.Height}, nil
}

// jpegScan begins a scan. In a scan itself, 0xff is never followed by it.
const jpegScan = "\xff\xda"

func (p *pictureBytes) decoded() (image.Image, error) {
	m, err := p.decode(bytes.NewReader(p.file))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrPicture, p.name, err)
	}
	if m.Bounds().Empty() {
		return nil, fmt.Errorf("%w: its first %s frame is empty", ErrPicture, p.name)
	}
	if p.name == "JPEG" {
		m = upright(m, exifOrientation(p.file))
	}
	return m, nil
}

// Fit writes a picture as a network takes it: the largest part of it, about its middle,
// that has the shape w:h is scaled to w×h pixels (bilinearly, averaged over where it shrinks), which is what
// retrieval's usual tools do. What is transparent is seen over white. c is 1 for grey (the
// luma of Rec. 601) or 3 for planes of red, green and blue; dst has c·h·w bytes. A grey picture that has
// the size already comes out as it is. An empty picture is white.
func Fit(dst []byte, img image.Image, c, h, w int) {
	if c != 1 && c != 3 || len(dst) != c*h*w {
		panic(fmt.Sprintf("data: Fit to %d channels of %d×%d pixels into %d bytes", c, h, w, len(dst)))
	}
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(to, to.Bounds(), image.White, image.Point{}, draw.Src)
	switch from := middle(img.Bounds(), h, w); {
	case from.Empty():
	case from.Dx() == w && from.Dy() == h:
		draw.Draw(to, to.Bounds(), img, from.Min, draw.Over)
	default:
		draw.BiLinear.Scale(to, to.Bounds(), img, from, draw.Over, nil)
	}
	n := h * w
	for i := range n {
		px := to.Pix[4*i:][:3:3]
		if c == 3 {
			dst[i], dst[n+i], dst[2*n+i] = px[0], px[1], px[2]
		} else {
			dst[i] = luma(px[0], px[1], px[2])
		}
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
