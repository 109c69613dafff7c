package encode

import (
	"context"
	"image"
	"math"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/loss/distance"
)

// HistogramName names the encoder Histogram where a path names others.
const HistogramName = "histogram"

// The bins of a colour histogram.
const (
	histogramSide   = 64 // pixels of a side of the pictures that Histogram takes
	hues            = 12 // around the circle
	saturations     = 3  // 0, ½, 1
	values          = 4  // 0, ⅓, ⅔, 1
	histogramDim    = hues * saturations * values
	leastBrightness = 1e-6 // below it a colour has no saturation
)

// Histogram is an encoder without weights: the colours of a picture. A picture is fitted to 64×64 pixels (data.Fit), and the hue, saturation and value of a pixel, each
// from 0 to 1,
//
//	v = max(r, g, b)   s = (v − min(r, g, b)) / v   h = the angle of HSV, a sixth for each of the sides red–yellow–green–cyan–blue–magenta
//
// are shared out among the two nearest of 12 hues, of the saturations 0, ½, 1 and of the values 0, ⅓, ⅔, 1, each by its nearness. With n the shares of a bin, summed over the
// pixels and divided by their number, a coordinate of the vector is √n: the length is 1, and the squared Euclidean distance is twice the squared Hellinger distance of
// the histograms. A coordinate's place is (hue·3 + saturation)·4 + value.
//
// Source: [swain1991] for histograms of colours; [arandjelovic2012] for the root.
type Histogram struct{}

// Dim implements Encoder: 144.
func (Histogram) Dim() int { return histogramDim }

// Fingerprint implements Encoder. Another form of the histogram has another one.
func (Histogram) Fingerprint() string { return "histogram-hsv-12x3x4" }

// Metric implements Encoder: vectors have length 1, and the cosine distance orders as the Euclidean one does.
func (Histogram) Metric() distance.Kind { return distance.Cosine }

// Size implements Encoder.
func (Histogram) Size() image.Point { return image.Pt(histogramSide, histogramSide) }

// Channels is 3: pictures are taken in colour.
func (Histogram) Channels() int { return 3 }

// Encode implements Encoder.
//
// Errors: dst of another length; a picture without pixels, by its index.
func (Histogram) Encode(dst []float32, pictures []image.Image) error {
	if err := checkEncode(dst, pictures, histogramDim); err != nil {
		return err
	}
	bytes := make([]byte, 3*histogramSide*histogramSide)
	planes := make([]float32, len(bytes))
	for i, p := range pictures {
		data.Fit(bytes, p, 3, histogramSide, histogramSide)
		for j, v := range bytes {
			planes[j] = float32(v) / 255
		}
		colours(dst[i*histogramDim:][:histogramDim], planes, 3)
	}
	return nil
}

// Embed returns the vectors [set.N, Dim] of a set's pictures as they are, of the set's size. Its error is the context's.
func (Histogram) Embed(ctx context.Context, set *data.Pictures) ([]float32, error) {
	out, planes := make([]float32, set.N*histogramDim), make([]float32, set.Size())
	for i := range set.N {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		set.Batch(planes, []int{i})
		colours(out[i*histogramDim:][:histogramDim], planes, set.C)
	}
	return out, nil
}

// binning is how many bins a histogram of colours has.
type binning struct{ hues, saturations, values int }

// fine is Histogram's.
var fine = binning{hues, saturations, values}

func (b binning) dim() int { return b.hues * b.saturations * b.values }

// colours writes the roots of a picture's histogram. planes are those of red, green and blue, or one of grey, in [0, 1].
func colours(dst, planes []float32, channels int) {
	n := len(planes) / channels
	r, g, b := planes[:n], planes[:n], planes[:n]
	if channels == 3 {
		g, b = planes[n:2*n], planes[2*n:]
	}
	clear(dst)
	for i := range n {
		fine.add(dst, r[i], g[i], b[i])
	}
	roots(dst, n)
}

// add shares a pixel out among the bins.
func (b binning) add(dst []float32, red, green, blue float32) {
	h, s, v := hsv(red, green, blue)
	h0, h1, hw := nearest(h*float32(b.hues), b.hues)
	s0, s1, sw := nearest(s*float32(b.saturations-1), b.saturations)
	v0, v1, vw := nearest(v*float32(b.values-1), b.values)
	for _, hue := range [2]share{{h0, 1 - hw}, {h1, hw}} {
		for _, saturation := range [2]share{{s0, 1 - sw}, {s1, sw}} {
			at, w := (hue.bin*b.saturations+saturation.bin)*b.values, hue.weight*saturation.weight
			dst[at+v0] += w * (1 - vw)
			dst[at+v1] += w * vw
		}
	}
}

// roots makes a histogram of n pixels its roots.
func roots(dst []float32, n int) {
	for i, v := range dst {
		dst[i] = float32(math.Sqrt(float64(v) / float64(n)))
	}
}

// share is how much of a pixel a bin has.
type share struct {
	bin    int
	weight float32
}

// nearest returns the bins on both sides of a place among n, the second of which may be the first one again, and the second one's share.
func nearest(place float32, n int) (lo, hi int, weight float32) {
	lo = int(place)
	weight = place - float32(lo)
	return lo % n, (lo + 1) % n, weight
}

// hsv returns the hue, the saturation and the value of a colour; the hue is in [0, 1).
func hsv(r, g, b float32) (h, s, v float32) {
	v = max(r, g, b)
	d := v - min(r, g, b)
	if d <= 0 {
		return 0, 0, v
	}
	s = d / max(v, leastBrightness)
	switch v {
	case r:
		h = (g - b) / d
	case g:
		h = (b-r)/d + 2
	default:
		h = (r-g)/d + 4
	}
	if h /= 6; h < 0 {
		h++
	}
	return h, s, v
}
