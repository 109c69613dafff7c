// Command picture decodes the pictures whose paths it reads, a line each, for bench/picture/compare.py: of each it writes a
// line with its width and its height, and its pixels, red, green, blue and alpha; or a line “error” and what was wrong. With
// -fit it decodes them to that many pixels each way, as networks take them; with -std by the standard library and
// golang.org/x/image; with -quiet it writes no pixels.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/draw"
	_ "image/gif" // what -std reads
	_ "image/jpeg"
	_ "image/png"
	"os"

	"github.com/energo-ml/energo/data"
	_ "golang.org/x/image/bmp"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"
)

func main() {
	fit := flag.Int("fit", 0, "`pixels` of a side; 0: as it is")
	quiet := flag.Bool("quiet", false, "write no pixels")
	std := flag.Bool("std", false, "decode by the standard library")
	flag.Parse()
	out := bufio.NewWriter(os.Stdout)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		file, err := os.ReadFile(in.Text())
		var m *image.NRGBA
		if err == nil {
			m, err = decode(file, *fit, *std)
		}
		if err != nil {
			fmt.Fprintln(out, "error", err)
		} else {
			fmt.Fprintln(out, m.Rect.Dx(), m.Rect.Dy())
			if !*quiet {
				_, _ = out.Write(m.Pix)
			}
		}
		if err := out.Flush(); err != nil {
			os.Exit(1)
		}
	}
}

func decode(file []byte, fit int, std bool) (*image.NRGBA, error) {
	if std {
		m, _, err := image.Decode(bytes.NewReader(file))
		if err != nil {
			return nil, err
		}
		// As RGBA, which the package draws fast to; opaque pixels are the same.
		to := image.NewRGBA(image.Rectangle{Max: m.Bounds().Size()})
		draw.Draw(to, to.Rect, m, m.Bounds().Min, draw.Src)
		return &image.NRGBA{Pix: to.Pix, Stride: to.Stride, Rect: to.Rect}, nil
	}
	p, err := data.ParsePicture(file, data.MaxPicturePixels)
	if err != nil {
		return nil, err
	}
	if fit > 0 {
		return p.Fitted(fit, fit)
	}
	m, err := p.Decode()
	if err != nil {
		return nil, err
	}
	return m.(*image.NRGBA), nil
}
