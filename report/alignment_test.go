package report

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// spoken is an alignment as speech gives one: formants that glide, 40 bands and 100 columns a
// second, and posteriors of 25 frames a second that peak for a frame or two a token.
func spoken(seconds float64, words []string, classes []string) Alignment {
	a := Alignment{
		Title: "Forced alignment of " + strings.Join(words[:min(3, len(words))], " "), Unit: "seconds", Span: seconds,
		Rows: 40, Columns: int(100 * seconds), Frames: int(25 * seconds), FrameStep: 0.04, Classes: len(classes), ClassNames: classes,
	}
	rng := rand.New(rand.NewPCG(1, 2))
	step := seconds / float64(len(words))
	for i, w := range words {
		start := (float64(i) + 0.12 + 0.1*rng.Float64()) * step
		end := start + (0.55+0.2*rng.Float64())*step
		a.Words = append(a.Words, Interval{w, start, end, 0.4 + 0.6*rng.Float64()})
		letter := (end - start) / float64(len(w))
		for j := range w {
			at := start + float64(j)*letter
			a.Tokens = append(a.Tokens, Interval{w[j : j+1], at, at + min(letter, 0.04*float64(1+rng.IntN(2))), 0.3 + 0.7*rng.Float64()})
		}
		if i+1 < len(words) {
			a.Tokens = append(a.Tokens, Interval{" ", end + 0.04, end + 0.08, 0.9})
		}
	}
	a.Spectrum = formants(a, rng)
	a.Posteriors = peaks(a, rng)
	return a
}

func formants(a Alignment, rng *rand.Rand) []float32 {
	out := make([]float32, a.Rows*a.Columns)
	for t := range a.Columns {
		at := (float64(t) + 0.5) * a.Span / float64(a.Columns)
		loud := 0.0
		for _, w := range a.Words {
			if at > w.Start && at < w.End {
				loud = math.Pow(math.Sin(math.Pi*(at-w.Start)/(w.End-w.Start)), 0.4)
			}
		}
		for r := range a.Rows {
			e := -9 + 0.7*rng.NormFloat64()
			for k, f := range []float64{6 + 2*math.Sin(9*at), 15 + 5*math.Sin(5*at+1), 27 + 4*math.Sin(7*at)} {
				d := (float64(r) - f) / (1.3 + 0.5*float64(k))
				e += loud * (8 - 1.6*float64(k)) * math.Exp(-d*d/2)
			}
			e += loud * 2
			out[r*a.Columns+t] = float32(e)
		}
	}
	return out
}

func peaks(a Alignment, rng *rand.Rand) []float32 {
	out := make([]float32, a.Frames*a.Classes)
	for f := range a.Frames {
		row := out[f*a.Classes : (f+1)*a.Classes]
		at := (float64(f) + 0.5) * a.FrameStep
		sum := float32(0)
		for c, name := range a.ClassNames {
			row[c] = float32(0.03 * math.Pow(rng.Float64(), 8))
			if name == "" {
				row[c] = 0.6
			}
			for _, tok := range a.Tokens {
				if tok.Text == name && at > tok.Start-0.02 && at < tok.End+0.02 {
					row[c] = 3
				}
			}
			sum += row[c]
		}
		for c := range row {
			row[c] /= sum
		}
	}
	return out
}

// letters are the blank, the space and a to z.
func letters() []string {
	out := []string{"", " "}
	for r := 'a'; r <= 'z'; r++ {
		out = append(out, string(r))
	}
	return out
}

func TestAlignmentLook(t *testing.T) {
	dir := "/tmp/al"
	os.MkdirAll(dir, 0o777)
	w := func(name string, a Alignment, from, to float64) {
		for _, ext := range []string{".png", ".svg"} {
			if err := WriteAlignment(filepath.Join(dir, name+ext), a, from, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	a := spoken(3, []string{"one", "two", "three"}, letters())
	w("speech", a, 0, 0)
	w("part", a, 0.9, 2.1)
	w("strip", digitStrip("3141592", 28, 200), 0, 0)
	many := letters()
	for _, x := range strings.Fields("th sh ch ng er ou ai ee oo ar or st nd ing ed es ly re un in an en on at it is ") {
		many = append(many, x)
	}
	for len(many) < 60 {
		many = append(many, string(rune('A'+len(many)-54)))
	}
	w("long", spoken(20, strings.Fields("the north wind and the sun were disputing which was the stronger when a traveller came along wrapped in a warm cloak they agreed that the one who first succeeded in making"), many), 0, 0)
	h := spoken(20, strings.Fields(strings.Repeat("a of internationalisation ", 10)), letters())
	w("dense", h, 0, 0)
}

// digitStrip is an alignment of a picture of digits: rings and bars of pixels.
func digitStrip(digits string, rows, columns int) Alignment {
	a := Alignment{
		Title: "A strip of digits", Unit: "pixels", Span: float64(columns), Rows: rows, Columns: columns, FromTop: true,
		Spectrum: make([]float32, rows*columns), Frames: columns / 4, FrameStart: 1, FrameStep: 4, Classes: 11, ClassNames: strings.Split(",0,1,2,3,4,5,6,7,8,9", ","),
	}
	step := columns / len(digits)
	for i, d := range digits {
		mid := float64(i*step) + float64(step)/2
		for y := range rows {
			for x := i * step; x < (i+1)*step; x++ {
				r := math.Hypot((float64(x)-mid)/0.8, float64(y)-float64(rows)/2)
				if math.Abs(r-float64(6+(d-'0')%4)) < 1.4 || d%2 == 0 && math.Abs(float64(x)-mid) < 1.5 {
					a.Spectrum[y*columns+x] = 1
				}
			}
		}
		v := Interval{string(d), mid - 6, mid + 6, 0.5 + 0.07*float64(i)}
		a.Words, a.Tokens = append(a.Words, v), append(a.Tokens, v)
	}
	a.Posteriors = peaks(a, rand.New(rand.NewPCG(1, 2)))
	return a
}

func TestAlignmentCrop(t *testing.T) {
	for _, n := range []string{"long", "dense", "part", "speech"} {
		b, _ := os.ReadFile("/tmp/al/" + n + ".png")
		img, _ := png.Decode(bytes.NewReader(b))
		r := img.Bounds()
		r.Max.X = min(r.Max.X, 1500)
		var o bytes.Buffer
		png.Encode(&o, img.(interface{ SubImage(image.Rectangle) image.Image }).SubImage(r))
		os.WriteFile("/tmp/al/"+n+"_crop.png", o.Bytes(), 0o666)
	}
}

var _ = png.Decode
var _ = bytes.NewReader
