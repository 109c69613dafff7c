package encode

import (
	"context"
	"image"
	"image/color"
	"image/draw"
	"math"
	"testing"

	"github.com/energo-ml/energo/data"
)

// stripes is a picture of columns of colours, as wide as each other.
func stripes(all ...color.NRGBA) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, histogramSide, histogramSide))
	each := histogramSide / len(all)
	for i, c := range all {
		draw.Draw(m, image.Rect(i*each, 0, (i+1)*each, histogramSide), image.NewUniform(c), image.Point{}, draw.Src)
	}
	return m
}

func bin(hue, saturation, value int) int { return (hue*saturations+saturation)*values + value }

func TestHistogramOfPlainColours(t *testing.T) {
	red, yellow := color.NRGBA{255, 0, 0, 255}, color.NRGBA{255, 255, 0, 255}
	for _, test := range []struct {
		name    string
		colours []color.NRGBA
		want    map[int]float64 // shares
	}{
		{"red", []color.NRGBA{red}, map[int]float64{bin(0, 2, 3): 1}},
		{"yellow", []color.NRGBA{yellow}, map[int]float64{bin(2, 2, 3): 1}},
		{"cyan", []color.NRGBA{{0, 255, 255, 255}}, map[int]float64{bin(6, 2, 3): 1}},
		{"blue", []color.NRGBA{{0, 0, 255, 255}}, map[int]float64{bin(8, 2, 3): 1}},
		{"black", []color.NRGBA{{0, 0, 0, 255}}, map[int]float64{bin(0, 0, 0): 1}},
		{"white where nothing is", []color.NRGBA{{}}, map[int]float64{bin(0, 0, 3): 1}},
		{"grey of 51", []color.NRGBA{{51, 51, 51, 255}}, map[int]float64{bin(0, 0, 0): 0.4, bin(0, 0, 1): 0.6}},
		{"pink between saturations", []color.NRGBA{{255, 191, 191, 255}}, map[int]float64{bin(0, 0, 3): 1 - 128./255, bin(0, 1, 3): 128. / 255}},
		{"a red beyond magenta, across the circle's end", []color.NRGBA{{255, 0, 51, 255}}, map[int]float64{bin(0, 2, 3): 0.6, bin(11, 2, 3): 0.4}},
		{"halves", []color.NRGBA{red, yellow}, map[int]float64{bin(0, 2, 3): 0.5, bin(2, 2, 3): 0.5}},
	} {
		got := make([]float32, histogramDim)
		if err := (Histogram{}).Encode(got, []image.Image{stripes(test.colours...)}); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			want := math.Sqrt(test.want[i])
			if math.Abs(float64(v)-want) > 2e-4 {
				t.Errorf("%s: coordinate %d is %v, want %v", test.name, i, v, want)
			}
		}
	}
}

func TestHistogramOfASet(t *testing.T) {
	p := stripes(color.NRGBA{200, 30, 90, 255}, color.NRGBA{10, 240, 180, 255})
	set := &data.Pictures{N: 1, C: 3, H: histogramSide, W: histogramSide, Pixels: make([]byte, 3*histogramSide*histogramSide)}
	data.Fit(set.Pixels, p, 3, histogramSide, histogramSide)
	want := make([]float32, histogramDim)
	if err := (Histogram{}).Encode(want, []image.Image{p}); err != nil {
		t.Fatal(err)
	}
	got, err := Histogram{}.Embed(context.Background(), set)
	if err != nil {
		t.Fatal(err)
	}
	length := 0.0
	for i, v := range got {
		length += float64(v) * float64(v)
		if v != want[i] {
			t.Fatalf("coordinate %d of the set's picture is %v, of the picture %v", i, v, want[i])
		}
	}
	if math.Abs(length-1) > 1e-5 {
		t.Errorf("the squared length is %v, want 1", length)
	}
}

func TestOpenAnyHistogram(t *testing.T) {
	e, err := OpenAny(HistogramName)
	if err != nil || e.Dim() != 144 || e.Fingerprint() != "histogram-hsv-12x3x4" {
		t.Fatalf("%v, %v", e, err)
	}
	if err := e.Encode(make([]float32, 3), []image.Image{stripes(color.NRGBA{})}); err == nil {
		t.Error("a dst of 3 elements is taken")
	}
}
