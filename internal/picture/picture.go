// Package picture decodes the files of pictures row by row: PNG, JPEG, GIF, WebP, BMP and TIFF. Pixels are those of the
// usual libraries (libjpeg, libwebp, libtiff): of samples of 16 bits the upper eight, inks and luma as red, green and blue.
// Colour profiles (ICC) and gamma are ignored: pixels are as they are stored. Of several pictures in a file it is the first.
package picture

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Row is a row of a picture, or of a pass over an interlaced one, good until it was used.
type Row struct {
	Pix  []byte // red, green, blue and alpha of each pixel; colours are not multiplied by alpha
	X, Y int    // of the first pixel
	Step int    // from one pixel to the next
}

// File is a picture's file whose header has been read.
type File struct {
	Format      string // the name of the file's format
	W, H        int    // pixels, as they are stored
	Orientation int    // how the stored picture is to be turned: EXIF's tag 0x0112, from 1 (as it is) to 8
	Shrinks     bool   // Rows and Memory take a shrink of 2, 4 and 8, too, where the picture is made smaller while it is decoded

	decoder
}

// decoder gives the pixels of a file.
type decoder interface {
	// Rows calls use with all rows of the picture, each pixel once, of an interlaced one in the order of its passes. With a
	// shrink the picture has W/shrink and H/shrink pixels, rounded up. After an error what was used is worth nothing.
	Rows(shrink int, use func(Row)) error
	// Memory is the bytes that Rows takes at most.
	Memory(shrink int) int64
}

// format is one that pictures may have.
type format struct {
	name     string
	magics   []string // ? stands for any byte
	suffixes []string
	open     func(file []byte) (*File, error) // nil: known, and not read
}

var formats = []format{
	{"PNG", []string{"\x89PNG\r\n\x1a\n"}, []string{".png"}, openPNG},
	{"JPEG", []string{"\xff\xd8"}, []string{".jpg", ".jpeg", ".jpe", ".jfif"}, openJPEG},
	{"GIF", []string{"GIF87a", "GIF89a"}, []string{".gif"}, openGIF},
	{"WebP", []string{"RIFF????WEBP"}, []string{".webp"}, openWebP},
	{"BMP", []string{"BM"}, []string{".bmp", ".dib"}, openBMP},
	{"TIFF", []string{"II*\x00", "MM\x00*"}, []string{".tif", ".tiff"}, openTIFF},
	{"BigTIFF", []string{"II+\x00", "MM\x00+"}, nil, nil},
	{"AVIF", []string{"????ftypavif", "????ftypavis"}, nil, nil},
	{"HEIC", []string{"????ftyphei", "????ftyphev", "????ftypmif1", "????ftypmsf1"}, nil, nil},
	{"JPEG XL", []string{"\xff\x0a", "\x00\x00\x00\x0cJXL "}, nil, nil},
	{"JPEG 2000", []string{"\x00\x00\x00\x0cjP  ", "\xff\x4f\xff\x51"}, nil, nil},
	{"PDF", []string{"%PDF-"}, nil, nil},
	{"SVG", []string{"<svg", "<?xml"}, nil, nil},
	{"Photoshop", []string{"8BPS"}, nil, nil},
	{"icon", []string{"\x00\x00\x01\x00"}, nil, nil},
}

// Formats names those that are read, as a message says them.
const Formats = "PNG, JPEG, GIF, WebP, BMP or TIFF"

// Names tells whether a file's name ends as those of pictures that are read do.
func Names(name string) bool {
	suffix := strings.ToLower(filepath.Ext(name))
	return slices.ContainsFunc(formats, func(f format) bool { return slices.Contains(f.suffixes, suffix) })
}

func (f *format) fits(file []byte) bool {
	return slices.ContainsFunc(f.magics, func(magic string) bool {
		if len(file) < len(magic) {
			return false
		}
		for i := range len(magic) {
			if magic[i] != '?' && magic[i] != file[i] {
				return false
			}
		}
		return true
	})
}

// Open reads the header of a picture's file, of the format that its first bytes say. The file must stay as it is. Errors
// name the format.
func Open(file []byte) (*File, error) {
	i := slices.IndexFunc(formats, func(f format) bool { return f.fits(file) })
	if i < 0 {
		return nil, fmt.Errorf("its first bytes are those of no %s", Formats)
	}
	f := formats[i]
	if f.open == nil {
		return nil, fmt.Errorf("it is %s, which is not read; convert it to %s", f.name, Formats)
	}
	p, err := f.open(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	p.Format = f.name
	if p.Orientation < 1 || p.Orientation > 8 {
		p.Orientation = 1
	}
	return p, nil
}

var errEnds = errors.New("it ends early")
