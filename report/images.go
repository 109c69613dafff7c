package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
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

// PlaneImages gives pictures from bytes: of each sample c planes of h·w, row by row, 0 black; one of grey, or three of red,
// green and blue.
func PlaneImages(pixels []byte, c, h, w int) (Images, error) {
	if c != 1 && c != 3 {
		return nil, fmt.Errorf("report: pictures of %d planes; there must be 1, grey, or 3, red, green and blue", c)
	}
	if h < 1 || w < 1 || len(pixels)%(c*h*w) != 0 {
		return nil, fmt.Errorf("report: %d pixels are not a number of pictures of %d×%d×%d", len(pixels), c, h, w)
	}
	n := h * w
	return func(i int) image.Image {
		if i < 0 || i >= len(pixels)/(c*n) {
			return nil
		}
		planes, bounds := pixels[i*c*n:][:c*n], image.Rect(0, 0, w, h)
		if c == 1 {
			return &image.Gray{Pix: planes, Stride: w, Rect: bounds}
		}
		img := image.NewNRGBA(bounds)
		for j := range n {
			copy(img.Pix[4*j:], []byte{planes[j], planes[n+j], planes[2*n+j], 255})
		}
		return img
	}, nil
}

// maxPicture is the longer side, in pixels, that pictures are cut down to, so that a page
// of photographs stays small.
const maxPicture = 112

// picture returns the picture of a sample at a size for the page, or nil.
func picture(images Images, i int) image.Image { return pictureWithin(images, i, maxPicture) }

// pictureWithin returns the picture of a sample, its longer side at most most pixels, or nil.
func pictureWithin(images Images, i, most int) image.Image {
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
	case long > most:
		to, by = image.Rect(0, 0, max(1, w*most/long), max(1, h*most/long)), ximage.CatmullRom
	case long*2 <= most:
		// Whole pixels, made larger: viewers that smooth would blur the original.
		k := most / long
		to, by = image.Rect(0, 0, w*k, h*k), ximage.NearestNeighbor
	default:
		return img
	}
	var out ximage.Image = image.NewNRGBA(to)
	if img.ColorModel() == color.GrayModel {
		out = image.NewGray(to)
	}
	by.Scale(out, to, img, img.Bounds(), ximage.Src, nil)
	return out
}

// drawPicture fits a picture into a rectangle, centred, in its own proportions.
func drawPicture(c draw.Canvas, img image.Image, r vg.Rectangle) {
	w, h := vg.Length(img.Bounds().Dx()), vg.Length(img.Bounds().Dy())
	size := r.Size()
	k := min(size.X/w, size.Y/h)
	mid := vg.Point{X: (r.Min.X + r.Max.X) / 2, Y: (r.Min.Y + r.Max.Y) / 2}
	half := vg.Point{X: w * k / 2, Y: h * k / 2}
	c.DrawImage(vg.Rectangle{Min: mid.Sub(half), Max: mid.Add(half)}, img)
}

// pngOf returns a picture as a PNG file.
func pngOf(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("report: encode a picture: %w", err)
	}
	return b.Bytes(), nil
}

// dataURI returns a picture as a PNG in a data: address.
func dataURI(img image.Image) (template.URL, error) {
	file, err := pngOf(img)
	return pngURI(file), err
}

// pngURI returns a PNG file as a data: address.
func pngURI(file []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(file))
}
