package report

import (
	"bytes"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
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

// drawn writes an alignment's part and returns the file.
func drawn(t *testing.T, name string, a Alignment, from, to float64) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := WriteAlignment(path, a, from, to); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestAlignmentSays: the picture holds title, unit, words with confidences, and the classes by
// name, and one embedded picture a heat map.
func TestAlignmentSays(t *testing.T) {
	a := spoken(3, []string{"one", "two", "three"}, letters())
	a.Words[1].Confidence = 0.875
	text := string(drawn(t, "a.svg", a, 0, 0))
	for _, word := range []string{"Forced alignment of one two three", "seconds", ">one<", ">two<", ">three<", percent(0.875), ">blank<", ">space<", ">z<", "3 words and 13 tokens from 0 to 3.00 seconds"} {
		if !strings.Contains(text, word) {
			t.Errorf("the picture does not say %q", word)
		}
	}
	if n := strings.Count(text, "<image"); n != 3 {
		t.Errorf("%d embedded pictures, not features, posteriors and their scale", n)
	}
	for _, word := range []string{"NaN", "Inf", "3 of"} {
		if strings.Contains(text, word) {
			t.Errorf("the picture says %q", word)
		}
	}
}

// TestAlignmentPart: a part has its own words and ticks alone, and says what it is of.
func TestAlignmentPart(t *testing.T) {
	a := spoken(3, []string{"one", "two", "three"}, letters())
	a.Title = ""
	text := string(drawn(t, "a.svg", a, 0.9, 2.1))
	for _, word := range []string{"Forced alignment", ">two<", "0.9 to 2.1 of 3 seconds", ">1.2<"} {
		if !strings.Contains(text, word) {
			t.Errorf("the picture does not say %q", word)
		}
	}
	for _, word := range []string{">one<", ">three<", ">0.5<", ">2.2<"} {
		if strings.Contains(text, word) {
			t.Errorf("the picture says %q", word)
		}
	}
	inner := inside(a.Words, bounds{a.Words[1].End, 3})
	if len(inner) != 1 || inner[0].Text != "three" {
		t.Errorf("a part that begins where a word ends holds %v", inner)
	}
}

// TestAlignmentSizes: pictures grow with the part between two bounds, and decode.
func TestAlignmentSizes(t *testing.T) {
	for _, c := range []struct {
		a     Alignment
		width int
	}{
		{spoken(3, []string{"one"}, letters()), 700},
		{spoken(9, []string{"one", "two"}, letters()), 9*110 + 56 + 58 + 26},
		{digitStrip("3141592", 28, 200), 700},
		{digitStrip("31", 28, 5000), 6000},
		{Alignment{Unit: "seconds", Span: 1, Words: []Interval{{"alone", 0.2, 0.2, 1}}}, 700},
	} {
		img, err := png.Decode(bytes.NewReader(drawn(t, "a.PNG", c.a, 0, 0)))
		if err != nil {
			t.Fatal(err)
		}
		layout := newAligned(&c.a, bounds{0, c.a.Span}).figure()
		height := int(math.Ceil(float64(layout.height+16) * dotsPerPoint))
		if got := img.Bounds().Size(); math.Abs(float64(got.X-c.width*dotsPerPoint)) > 8 || got.Y != height {
			t.Errorf("%s has %v pixels, not about %d×%d", layout.title, got, c.width*dotsPerPoint, height)
		}
	}
}

// TestAlignmentHour: an hour takes no more room than its widest picture.
func TestAlignmentHour(t *testing.T) {
	a := Alignment{
		Unit: "seconds", Span: 3600, Rows: 8, Columns: 360000, Spectrum: make([]float32, 8*360000),
		Frames: 90000, FrameStep: 0.04, Classes: 28, ClassNames: letters(), Posteriors: make([]float32, 28*90000),
	}
	for i := range a.Frames {
		a.Posteriors[i*28+i%28] = 1
	}
	for i := range a.Frames / 2 {
		at := float64(i) * 0.08
		a.Tokens = append(a.Tokens, Interval{"e", at, at + 0.04, 0.9})
		if i%5 == 0 {
			a.Words = append(a.Words, Interval{"sleep", at, at + 0.3, 0.9})
		}
	}
	data := drawn(t, "a.svg", a, 0, 0)
	if len(data) > 8<<20 {
		t.Errorf("an hour's picture takes %d bytes", len(data))
	}
	if n := bytes.Count(data, []byte("<path")); n > 2*6000*dotsPerPoint+200 {
		t.Errorf("an hour's picture has %d shapes", n)
	}
	if bytes.Contains(data, []byte(">sleep<")) {
		t.Error("a word of a pixel has its text")
	}
}

// TestAlignmentClasses: where classes are too many, the tokens choose them, or the posteriors.
func TestAlignmentClasses(t *testing.T) {
	a := Alignment{Unit: "pixels", Span: 4, Frames: 2, FrameStep: 2, Classes: 60, Posteriors: make([]float32, 120)}
	for c := range a.Classes {
		a.ClassNames = append(a.ClassNames, strconv.Itoa(c))
		a.Posteriors[60+c] = float32(c) / 100
	}
	a.ClassNames[3] = ""
	whole := bounds{0, 4}
	a.Tokens = []Interval{{"50", 0, 1, 1}, {"7", 1, 2, 1}, {"8", 3, 4, 1}}
	if got := newAligned(&a, whole).classes; !slices.Equal(got, []int{3, 7, 8, 50}) {
		t.Errorf("the tokens choose the classes %v", got)
	}
	if got := newAligned(&a, bounds{0, 2.5}).classes; !slices.Equal(got, []int{3, 7, 50}) {
		t.Errorf("the tokens of a part choose the classes %v", got)
	}
	a.Tokens = []Interval{{"?", 0, 1, 1}}
	got := newAligned(&a, whole).classes
	if len(got) != posteriorRows || got[0] != 3 || got[1] != 60-posteriorRows+1 {
		t.Errorf("the posteriors choose the classes %v", got)
	}
	if text := string(drawn(t, "a.svg", a, 0, 0)); !strings.Contains(text, "40 of 60 classes") {
		t.Error("the picture does not say that it leaves classes out")
	}
}

// TestAlignmentSampling: pixels share the cells out, without gaps, and no peak is lost.
func TestAlignmentSampling(t *testing.T) {
	for _, s := range []sampling{
		{bounds{0, 7}, 7, 0, 1, 7},
		{bounds{0, 3}, 3, 0, 0.1, 30},
		{bounds{0, 1}, 1000, 0, 1.0 / 3, 3},
		{bounds{0, 0.7}, 333, 0, 0.7 / 1000, 1000},
	} {
		next := 0
		for p := range s.pixels {
			lo, hi := s.cells(p)
			if lo >= hi || lo > next || hi < next {
				t.Fatalf("%+v: pixel %d shows the cells %d to %d after %d", s, p, lo, hi, next)
			}
			next = hi
		}
		if next != s.n {
			t.Errorf("%+v: the pixels end at %d", s, next)
		}
	}
	if lo, hi := (sampling{bounds{0, 10}, 10, 5, 1, 3}).cells(2); lo < hi {
		t.Errorf("a pixel before the first cell shows %d to %d", lo, hi)
	}
	a := Alignment{Unit: "seconds", Span: 1, Frames: 1000, FrameStep: 0.001, Classes: 1, ClassNames: []string{"a"}, Posteriors: make([]float32, 1000)}
	a.Posteriors[777] = 1
	if img := newAligned(&a, bounds{0, 1}).posteriorImage(50); img.Pix[38] != shadeOf(1) || img.Pix[37] != shadeOf(0) {
		t.Error("a peak of one frame is lost among many")
	}
}

// TestAlignmentFits: words that are too wide get smaller, then cut, then left out.
func TestAlignmentFits(t *testing.T) {
	st := style{size: textSize}
	full := textWidth("internationally", st)
	for _, c := range []struct {
		part float64
		ok   func(string) bool
	}{
		{1, func(s string) bool { return s == "internationally" }},
		{0.8, func(s string) bool { return s == "internationally" }},
		{0.5, func(s string) bool { return strings.HasPrefix(s, "int") && strings.HasSuffix(s, "…") }},
		{0.05, func(s string) bool { return s == "" }},
	} {
		room := full * vg.Length(c.part)
		got, small := fitted("internationally", st, room)
		if !c.ok(got) || textWidth(got, small) > room {
			t.Errorf("in %v of its width the word is %q", c.part, got)
		}
	}
}

// TestAlignmentErrors: errors name the argument, its value and what is allowed.
func TestAlignmentErrors(t *testing.T) {
	nan := math.NaN()
	dir := t.TempDir()
	for want, change := range map[string]func(a *Alignment, from, to *float64, name *string){
		"a.gif":                     func(_ *Alignment, _, _ *float64, name *string) { *name = "a.gif" },
		"must end in .svg or .png":  func(_ *Alignment, _, _ *float64, name *string) { *name = "a" },
		"from 2 to 1 is no part of": func(_ *Alignment, from, to *float64, _ *string) { *from, *to = 2, 1 },
		"from 3 to 3 is":            func(_ *Alignment, from, _ *float64, _ *string) { *from = 3 },
		"of 0 to 3 seconds":         func(_ *Alignment, _, to *float64, _ *string) { *to = 3.5 },
		"from -1 to":                func(_ *Alignment, from, _ *float64, _ *string) { *from = -1 },
		"to NaN is no part":         func(_ *Alignment, _, to *float64, _ *string) { *to = nan },
		"from NaN to":               func(_ *Alignment, from, _ *float64, _ *string) { *from = nan },
		`Unit is "hours"`:           func(a *Alignment, _, _ *float64, _ *string) { a.Unit = "hours" },
		"Span is 0, not":            func(a *Alignment, _, _ *float64, _ *string) { a.Span = 0 },
		"Spectrum has length 7, not Rows·Columns = 40·300": func(a *Alignment, _, _ *float64, _ *string) { a.Spectrum = a.Spectrum[:7] },
		"0 Rows of 300 Columns":                            func(a *Alignment, _, _ *float64, _ *string) { a.Rows, a.Spectrum = 0, nil },
		"Spectrum[5] is NaN":                               func(a *Alignment, _, _ *float64, _ *string) { a.Spectrum[5] = float32(nan) },
		"Posteriors has length 0, not":                     func(a *Alignment, _, _ *float64, _ *string) { a.Posteriors = nil },
		"Posteriors[9] is 1.5, not in [0, 1]":              func(a *Alignment, _, _ *float64, _ *string) { a.Posteriors[9] = 1.5 },
		"Posteriors[2] is NaN":                             func(a *Alignment, _, _ *float64, _ *string) { a.Posteriors[2] = float32(nan) },
		"FrameStep is 0":                                   func(a *Alignment, _, _ *float64, _ *string) { a.FrameStep = 0 },
		"FrameStart is NaN":                                func(a *Alignment, _, _ *float64, _ *string) { a.FrameStart = nan },
		"2 ClassNames for 28 Classes":                      func(a *Alignment, _, _ *float64, _ *string) { a.ClassNames = a.ClassNames[:2] },
		"Words[1] is from NaN":                             func(a *Alignment, _, _ *float64, _ *string) { a.Words[1].Start = nan },
		"Tokens[0] is from 2 to 1":                         func(a *Alignment, _, _ *float64, _ *string) { a.Tokens[0].Start, a.Tokens[0].End = 2, 1 },
		"Words[1] starts at 0, but the one before":         func(a *Alignment, _, _ *float64, _ *string) { a.Words[1].Start = 0 },
		"Words[0] has the confidence NaN":                  func(a *Alignment, _, _ *float64, _ *string) { a.Words[0].Confidence = nan },
		"nothing to draw":                                  func(a *Alignment, _, _ *float64, _ *string) { *a = Alignment{Unit: "pixels", Span: 1} },
	} {
		a := spoken(3, []string{"one", "two"}, letters())
		from, to, name := 0.0, 0.0, "a.svg"
		change(&a, &from, &to, &name)
		if err := WriteAlignment(filepath.Join(dir, name), a, from, to); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, without %q", err, want)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("a failure leaves %s behind", left[0].Name())
	}
}
