package studio

import (
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"slices"
	"testing"
)

// tally is how many pixels have a colour, of which six bits of each channel count.
type tally struct {
	rgb [3]int
	n   int
}

func shortened(c color.RGBA) [3]int { return [3]int{int(c.R) >> 2, int(c.G) >> 2, int(c.B) >> 2} }

// paletteOf chooses colours for some pictures: the box of colours that one colour stands for worst is cut in two, until there are enough.
func paletteOf(pictures []*image.RGBA, n int) color.Palette {
	counts := map[[3]int]int{}
	for _, p := range pictures {
		for i := 0; i < len(p.Pix); i += 4 {
			counts[shortened(color.RGBA{p.Pix[i], p.Pix[i+1], p.Pix[i+2], 255})]++
		}
	}
	var all []tally
	for rgb, count := range counts {
		all = append(all, tally{rgb, count})
	}
	slices.SortFunc(all, func(a, b tally) int { return slices.Compare(a.rgb[:], b.rgb[:]) }) // maps have no order
	boxes := []box{boxOf(all)}
	for len(boxes) < n {
		worst := 0
		for i, b := range boxes {
			if b.off > boxes[worst].off {
				worst = i
			}
		}
		if boxes[worst].off == 0 {
			break
		}
		low, high := boxes[worst].cut()
		boxes[worst] = low
		boxes = append(boxes, high)
	}
	var palette color.Palette
	for _, b := range boxes {
		palette = append(palette, meanOf(b.all))
	}
	return palette
}

// box is some colours, and how far they are off their mean: the sum of the squares, along the axis on which it is greatest.
type box struct {
	all  []tally
	axis int
	mean float64
	off  float64
}

func boxOf(all []tally) box {
	b := box{all: all}
	for k := range 3 {
		var n, sum, square float64
		for _, t := range all {
			v, w := float64(t.rgb[k]), float64(t.n)
			n, sum, square = n+w, sum+w*v, square+w*v*v
		}
		if off := square - sum*sum/n; off > b.off+1e-6*square {
			b.axis, b.mean, b.off = k, sum/n, off
		}
	}
	return b
}

// cut cuts a box at its mean.
func (b box) cut() (low, high box) {
	slices.SortStableFunc(b.all, func(x, y tally) int { return cmp.Compare(x.rgb[b.axis], y.rgb[b.axis]) })
	at := slices.IndexFunc(b.all, func(t tally) bool { return float64(t.rgb[b.axis]) > b.mean })
	return boxOf(b.all[:at]), boxOf(b.all[at:])
}

// meanOf is the mean of a box, in which white and black are themselves.
func meanOf(box []tally) color.RGBA {
	var sum [3]int
	n := 0
	for _, t := range box {
		for k := range 3 {
			sum[k] += (t.rgb[k]*255 + 31) / 63 * t.n
		}
		n += t.n
	}
	return color.RGBA{uint8((sum[0] + n/2) / n), uint8((sum[1] + n/2) / n), uint8((sum[2] + n/2) / n), 255}
}

// paletted are the pixels of a picture as the nearest colours of a palette.
func paletted(p *image.RGBA, palette color.Palette, near map[[3]int]uint8) *image.Paletted {
	out := image.NewPaletted(p.Bounds(), palette)
	for i := range out.Pix {
		c := color.RGBA{p.Pix[4*i], p.Pix[4*i+1], p.Pix[4*i+2], 255}
		key := [3]int{int(c.R), int(c.G), int(c.B)}
		index, ok := near[key]
		if !ok {
			index = uint8(palette.Index(c))
			near[key] = index
		}
		out.Pix[i] = index
	}
	return out
}

// TestPalette: the colours of pictures with few are kept, but for the last bits, and those of others are near.
func TestPalette(t *testing.T) {
	p := image.NewRGBA(image.Rect(0, 0, 256, 64))
	for x := range 256 {
		for y := range 64 {
			p.SetRGBA(x, y, color.RGBA{uint8(x), uint8(4 * y), 40, 255})
		}
	}
	draw.Draw(p, image.Rect(0, 0, 9, 9), image.White, image.Point{}, draw.Src)
	palette := paletteOf([]*image.RGBA{p}, 256)
	if len(palette) != 256 {
		t.Fatalf("%d colours", len(palette))
	}
	if off := unlike(p, paletted(p, palette, map[[3]int]uint8{})); off > 8 {
		t.Errorf("%.1f of 255 off", off)
	}
	few := image.NewRGBA(image.Rect(0, 0, 3, 1))
	draw.Draw(few, image.Rect(0, 0, 1, 1), image.White, image.Point{}, draw.Src)
	few.SetRGBA(2, 0, color.RGBA{200, 10, 10, 255})
	if got := paletteOf([]*image.RGBA{few}, 256); len(got) != 3 || unlike(few, paletted(few, got, map[[3]int]uint8{})) > 5 {
		t.Errorf("three colours become %v", got)
	}
}
