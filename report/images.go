package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"

	ximage "golang.org/x/image/draw"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Images gives the picture of test sample i, or nil where there is none. A nil Images
// leaves all pictures out.
type Images func(i int) image.Image

// GrayImages gives pictures from bytes: h·w a sample, row by row, 0 black.
func GrayImages(pixels []byte, h, w int) (Images, error) {
	if h < 1 || w < 1 || len(pixels)%(h*w) != 0 {
		return nil, fmt.Errorf("report: %d pixels are not a number of pictures of %d×%d", len(pixels), h, w)
	}
	return func(i int) image.Image {
		if i < 0 || i >= len(pixels)/(h*w) {
			return nil
		}
		return &image.Gray{Pix: pixels[i*h*w : (i+1)*h*w], Stride: w, Rect: image.Rect(0, 0, w, h)}
	}, nil
}

// maxPicture is the longer side, in pixels, that pictures are cut down to, so that a page
// of photographs stays small.
const maxPicture = 112

// picture returns the picture of a sample at a size for the page, or nil.
func picture(images Images, i int) image.Image {
	if images == nil {
		return nil
	}
	img := images(i)
	if img == nil || img.Bounds().Empty() {
		return nil
	}
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	long := max(w, h)
	var to image.Rectangle
	var by ximage.Scaler
	switch {
	case long > maxPicture:
		to, by = image.Rect(0, 0, max(1, w*maxPicture/long), max(1, h*maxPicture/long)), ximage.CatmullRom
	case long*2 <= maxPicture:
		// Whole pixels, made larger: viewers that smooth would blur the original.
		k := maxPicture / long
		to, by = image.Rect(0, 0, w*k, h*k), ximage.NearestNeighbor
	default:
		return img
	}
	if isGray(img) {
		out := image.NewGray(to)
		by.Scale(out, to, img, img.Bounds(), ximage.Src, nil)
		return out
	}
	out := image.NewNRGBA(to)
	by.Scale(out, to, img, img.Bounds(), ximage.Src, nil)
	return out
}

func isGray(img image.Image) bool { return img.ColorModel() == color.GrayModel }

// drawPicture fits a picture into a rectangle, centred, in its own proportions.
func drawPicture(c draw.Canvas, img image.Image, r vg.Rectangle) {
	w, h := vg.Length(img.Bounds().Dx()), vg.Length(img.Bounds().Dy())
	size := r.Size()
	k := min(size.X/w, size.Y/h)
	mid := vg.Point{X: (r.Min.X + r.Max.X) / 2, Y: (r.Min.Y + r.Max.Y) / 2}
	half := vg.Point{X: w * k / 2, Y: h * k / 2}
	c.DrawImage(vg.Rectangle{Min: mid.Sub(half), Max: mid.Add(half)}, img)
}

// dataURI returns a picture as a PNG in a data: address.
func dataURI(img image.Image) (string, error) {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return "", fmt.Errorf("report: encode a picture: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}
