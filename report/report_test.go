package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/train"
)

// files reads all files under a folder, by their path in it.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(rel)] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checkOutput holds what was written against what every reader may rely on.
func checkOutput(t *testing.T, dir, page string) map[string][]byte {
	t.Helper()
	all := files(t, dir)
	for name, data := range all {
		switch filepath.Ext(name) {
		case ".svg":
			checkXML(t, name, data)
			if all[strings.TrimSuffix(name, ".svg")+".png"] == nil {
				t.Errorf("%s has no PNG beside it", name)
			}
		case ".png":
			if _, err := png.Decode(bytes.NewReader(data)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	checkPage(t, all[page])
	return all
}

func checkXML(t *testing.T, name string, data []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Errorf("%s is no XML: %v", name, err)
			return
		}
	}
	for _, bad := range []string{"NaN", "Inf"} {
		if i := bytes.Index(stripData(data), []byte(bad)); i >= 0 {
			t.Errorf("%s contains %s", name, bad)
		}
	}
}

var dataURIs = regexp.MustCompile(`data:image/png;base64,[A-Za-z0-9+/=]*`)

func stripData(b []byte) []byte { return dataURIs.ReplaceAll(b, nil) }

// checkPage parses the page as strict XML would (our templates close every element but
// the void ones), and refuses whatever would be fetched.
func checkPage(t *testing.T, data []byte) {
	t.Helper()
	if len(data) == 0 {
		t.Fatal("no page")
	}
	if len(data) > 2<<20 {
		t.Errorf("the page has %d bytes", len(data))
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	d.Strict, d.AutoClose, d.Entity = false, []string{"meta", "img", "wbr"}, xml.HTMLEntity
	var open []string
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page does not parse: %v", err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			open = append(open, e.Name.Local)
			for _, a := range e.Attr {
				if k := a.Name.Local; k == "src" || k == "href" {
					if !strings.HasPrefix(a.Value, "data:image/png;base64,") {
						t.Errorf("<%s %s=%q> is not inlined", e.Name.Local, k, a.Value[:min(60, len(a.Value))])
					}
				}
			}
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != e.Name.Local {
				t.Fatalf("</%s> closes %v", e.Name.Local, open)
			}
			open = open[:len(open)-1]
		}
	}
	text := string(stripData(data))
	for _, bad := range []string{"NaN", "ZgotmplZ", "<script", "@import", "%!"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
}

// plotNames are the pictures of a whole run.
var plotNames = []string{
	"loss", "error", "energies", "gap", "gradient", "learning_rate", "plane", "energy_histogram", "gap_histogram", "confusion", "samples", "worst",
}

func TestWriteWholeRun(t *testing.T) {
	dir := newFake().write(t)
	if err := Write(dir, blobs(28, 28), "energo train digits"); err != nil {
		t.Fatal(err)
	}
	all := checkOutput(t, dir, PageFile)
	for _, name := range plotNames {
		if all["plots/"+name+".svg"] == nil {
			t.Errorf("plots/%s.svg is missing", name)
		}
	}
	page := string(all[PageFile])
	for _, want := range []string{"Test error", "of 300 wrong", "Margin kept", "E⁺ − E⁻)</span>", "energo train digits --config config.yaml", "<dt>lr</dt>", "0.001", "hold_out[1]", "52,096 weights"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(page, `<img src="data:image/png`); n != worstCount {
		t.Errorf("%d pictures of worst samples, want %d", n, worstCount)
	}
	// The page follows dark mode only where every colour of a picture is a variable.
	if bad := regexp.MustCompile(`(fill|stroke):#[0-9A-F]{6}`).FindString(page); bad != "" {
		t.Errorf("the page has a fixed colour: %s", bad)
	}
	if err := Write(dir, blobs(28, 28), "energo train digits"); err != nil {
		t.Fatal(err)
	}
	again := files(t, dir)
	if len(again) != len(all) {
		t.Errorf("%d files, then %d", len(all), len(again))
	}
	for name, data := range all {
		if !bytes.Equal(data, again[name]) {
			t.Errorf("%s differs on a second run", name)
		}
	}
}

func TestWriteEdges(t *testing.T) {
	each := func(f func(i int, row []float64, label int)) func([]float64, []int) {
		return func(e []float64, labels []int) {
			k := len(e) / len(labels)
			for i, y := range labels {
				f(i, e[i*k:(i+1)*k], y)
			}
		}
	}
	tests := []struct {
		name   string
		fake   func(*fake)
		images Images
		want   string
		absent string
	}{
		{"no images", nil, nil, "The test images were not at hand", "<img"},
		{"no epochs", func(f *fake) { f.epochs, f.unfinished = 0, true }, nil, "0 of 1 epochs are done", ">Validation error</text>"},
		{"one epoch", func(f *fake) { f.epochs = 1 }, blobs(28, 28), "1 epoch", ""},
		{"unfinished", func(f *fake) { f.unfinished = true }, nil, "The run has not finished", ""},
		{"two labels", func(f *fake) { f.k = 2 }, blobs(28, 28), "of 300 wrong", ""},
		{"26 labels", func(f *fake) { f.k = 26 }, blobs(28, 28), "of 300 wrong", ""},
		{"many labels", func(f *fake) { f.k = 120 }, blobs(28, 28), "of 300 wrong", ""},
		{"one sample", func(f *fake) { f.n = 1 }, blobs(28, 28), "of 1 wrong", ""},
		{"missing label", func(f *fake) {
			f.edit = func(_ []float64, labels []int) {
				for i := range labels {
					labels[i] = labels[i] % 9
				}
			}
		}, nil, "no sample of label 9", ""},
		{"not finite", func(f *fake) {
			f.edit = each(func(i int, row []float64, y int) {
				switch i % 5 {
				case 0:
					row[y] = math.NaN()
				case 1:
					row[(y+1)%len(row)] = math.Inf(-1)
				case 2:
					row[y] = math.Inf(1)
				}
			})
		}, blobs(28, 28), "infinite or not a number", ""},
		{"nothing finite", func(f *fake) {
			f.edit = each(func(_ int, row []float64, _ int) {
				for y := range row {
					row[y] = math.NaN()
				}
			})
		}, blobs(28, 28), "300 of 300 wrong", ""},
		{"collapsed", func(f *fake) {
			f.edit = each(func(_ int, row []float64, _ int) {
				for y := range row {
					row[y] = 1.5
				}
			})
		}, blobs(28, 28), "All energies of the test set are the same number", ""},
		{"collapsed to zero", func(f *fake) {
			f.functional, f.words = "energy", train.AnswerTerms("samples", 0)
			f.edit = each(func(_ int, row []float64, _ int) { clear(row) })
		}, nil, "such a tie goes to the label that comes first", "Margin kept"},
		{"huge energies", func(f *fake) {
			f.edit = each(func(i int, row []float64, _ int) {
				if i == 7 {
					row[0] = 3e38
				}
				row[1] *= 1e30
			})
		}, nil, "of 300 wrong", ""},
		{"wide images", nil, blobs(17, 300), "<img", ""},
		{"tiny images", nil, blobs(1, 1), "<img", ""},
		{"markup", func(f *fake) { f.functional = `"<script>alert(1)</script>"` }, nil, "&lt;script&gt;", "<script"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake()
			f.perEpoch = 20
			if test.fake != nil {
				test.fake(&f)
			}
			dir := f.write(t)
			page := pageOf(t, dir, test.images)
			if !strings.Contains(page, test.want) {
				t.Errorf("the page lacks %q", test.want)
			}
			if test.absent != "" && strings.Contains(page, test.absent) {
				t.Errorf("the page has %q", test.absent)
			}
		})
	}
}

// pageOf composes a run's page and checks it and its pictures, without files.
func pageOf(t *testing.T, dir string, images Images) string {
	t.Helper()
	p, err := compose(dir, images, "")
	if err != nil {
		t.Fatal(err)
	}
	data, err := render("report.tmpl", p)
	if err != nil {
		t.Fatal(err)
	}
	checkPage(t, data)
	for _, f := range p.files {
		svg, err := f.svg()
		if err != nil {
			t.Fatal(err)
		}
		checkXML(t, f.name, svg)
	}
	return string(data)
}

// TestPagesSpeakOfTheirJobs: what has no energies over all answers does not miss them; figures have the job's own unit, and nothing is
// said of answers where there are none.
func TestPagesSpeakOfTheirJobs(t *testing.T) {
	pictures := train.Terms{Energies: "free energies", Samples: "pictures", Correct: "pictures", Offending: "the same with shuffled pixels", Unit: measure.Nat}
	pictures.Kept = train.ToldApart("of the pictures are lower")
	texts := train.Terms{Energies: "energies", Samples: "lines", Correct: "the right text", Offending: "all other texts together", Kept: train.ToldApart("of the lines are likelier")}
	for recipe, test := range map[string]struct {
		failure measure.Quantity
		scale   float64
		words   train.Terms
		want    []string
		absent  []string
	}{
		"speech": {measure.Quantity{Name: "Error rate", Unit: measure.Share, Note: "of the tokens read wrong"}, 1, texts, []string{"Test error rate", "of the tokens read wrong", "Validation error rate", "all other texts together"}, nil},
		"rbm": {
			measure.Quantity{Name: "Negative log-likelihood", Unit: measure.Nat, Note: "a picture"},
			22819, pictures,
			[]string{"Validation negative log-likelihood", "nat a picture", ">209 nat<", "Told apart", "98.00\u00a0%", "Free energies", "the same with shuffled pixels"},
			[]string{"20,8", "209 %", "20877"},
		},
		"generate": {
			measure.Quantity{Name: "Discrepancy", Note: "squared kernel discrepancy"}, 1, pictures, []string{"Test discrepancy", "squared kernel discrepancy"}, []string{"0.90 %"},
		},
	} {
		f := newFake()
		f.failure, f.scale, f.words = test.failure, test.scale, test.words
		dir := f.write(t)
		if err := os.Remove(filepath.Join(dir, TestFile)); err != nil {
			t.Fatal(err)
		}
		writeFile(t, dir, ConfigFile, "recipe: "+recipe+"\n")
		page := pageOf(t, dir, nil)
		for _, part := range test.want {
			if !strings.Contains(page, part) {
				t.Errorf("the page of %s does not say %q", recipe, part)
			}
		}
		for _, part := range append(test.absent, "no energies to show", "most offending", "correct answer", "E⁻") {
			if strings.Contains(page, part) {
				t.Errorf("the page of %s says %q", recipe, part)
			}
		}
	}
}

// TestFiguresAreShown: the page has every figure of a job's own, with its unit and note.
func TestFiguresAreShown(t *testing.T) {
	dir := newFake().write(t)
	path := filepath.Join(dir, ResultFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r map[string]any
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	r["figures"] = []measure.Figure{
		measure.Quantity{Key: "coverage", Name: "Coverage", Note: "scores, mean"}.Of(2.5),
		measure.Quantity{Key: "map", Name: "Mean AP", Unit: measure.Share}.Of(0.875),
	}
	if text, err = json.Marshal(r); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, ResultFile, string(text))
	page := pageOf(t, dir, nil)
	for _, part := range []string{">Coverage<", ">2.50<", "scores, mean", ">Mean AP<", "87.50\u00a0%"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page does not say %q", part)
		}
	}
}

func TestPageWithoutEnergies(t *testing.T) {
	dir := newFake().write(t)
	if err := os.Remove(filepath.Join(dir, TestFile)); err != nil {
		t.Fatal(err)
	}
	page := pageOf(t, dir, nil)
	if !strings.Contains(page, "has not been evaluated on a test set") || !strings.Contains(page, "the energies are not in the folder") {
		t.Error("the page does not say that there are no energies")
	}
	writeFile(t, dir, TestFile, "not a tensor")
	if page := pageOf(t, dir, nil); !strings.Contains(page, TestFile+" could not be read") {
		t.Error("the page does not say that the energies could not be read")
	}
}

func TestWriteErrors(t *testing.T) {
	empty := t.TempDir()
	if err := Write(empty, nil, ""); err == nil || !strings.Contains(err.Error(), "no run folder") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := Write(filepath.Join(empty, "none"), nil, ""); err == nil {
		t.Error("a folder that is not there: no error")
	}
}

// TestWriteLarge holds a full-sized test set against the size and, loosely, the time that
// are promised.
func TestWriteLarge(t *testing.T) {
	f := newFake()
	f.n, f.epochs, f.perEpoch = 10000, 10, 469
	dir := f.write(t)
	began := time.Now()
	if err := Write(dir, blobs(28, 28), ""); err != nil {
		t.Fatal(err)
	}
	t.Logf("%.2f s", time.Since(began).Seconds())
	checkOutput(t, dir, PageFile)
}

func TestPlaneImagesOfGrey(t *testing.T) {
	img, err := PlaneImages([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 1, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if img(-1) != nil || img(2) != nil {
		t.Error("a sample that is not there has a picture")
	}
	r, _, _, _ := img(1).At(2, 1).RGBA()
	if got := r >> 8; got != 12 || img(1).Bounds().Dx() != 3 || img(1).Bounds().Dy() != 2 {
		t.Errorf("the last pixel of sample 1 is %d", got)
	}
	for _, bad := range [][3]int{{12, 5, 2}, {12, 0, 3}, {12, 3, -1}} {
		if _, err := PlaneImages(make([]byte, bad[0]), 1, bad[1], bad[2]); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

// TestShadesSurviveTheCanvas checks that a hue at any opacity is written as itself, which
// is what the page's dark mode replaces.
func TestShadesSurviveTheCanvas(t *testing.T) {
	for _, h := range hues {
		for a := 1; a <= 100; a++ {
			r, g, b, al := h.alpha(float64(a) / 100).RGBA()
			f := 255 / float64(al)
			if got := fmt.Sprintf("#%02X%02X%02X", int(float64(r)*f), int(float64(g)*f), int(float64(b)*f)); got != h.light {
				t.Fatalf("%s at %d %%: %s, want %s", h.name, a, got, h.light)
			}
			if r > al || g > al || b > al {
				t.Fatalf("%s at %d %% is no premultiplied colour", h.name, a)
			}
		}
	}
}

// TestTicks: inside the range, ascending, distinct labels, not too many.
func TestTicks(t *testing.T) {
	for _, b := range []bounds{{0, 1}, {-3.2, 8.7}, {0, 1e-5}, {1e6, 1.1e6}, {-1e30, 1e30}, {0.9999, 1.0001}, {0, 3}, {1e-12, 3e-12}} {
		got := ticks{about: 6}.Ticks(b.lo, b.hi)
		if len(got) < 2 || len(got) > 14 {
			t.Errorf("%v: %d ticks", b, len(got))
		}
		seen := map[string]bool{}
		for i, k := range got {
			if k.Value < b.lo-1e-6*b.width() || k.Value > b.hi+1e-6*b.width() || i > 0 && k.Value <= got[i-1].Value {
				t.Errorf("%v: tick %v", b, k)
			}
			if seen[k.Label] {
				t.Errorf("%v: two ticks say %q", b, k.Label)
			}
			seen[k.Label] = true
		}
	}
}

// TestTables: the page shows a result's tables, a value's unit beside it, and a dash where a row has no value.
func TestTables(t *testing.T) {
	dir := newFake().write(t)
	table := measure.Table{Key: "from", Name: "told <from>", Columns: []measure.Quantity{
		{Key: "area", Name: "Area", Unit: measure.Share, Note: "under the curve"}, {Key: "depth", Name: "Depth", Unit: measure.Nat},
	}}
	table.Add("noise & more", 0.25, 3)
	table.Add("nothing", math.NaN())
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r.Result.Tables = []measure.Table{table}
	writeFile(t, dir, ResultFile, jsonText(t, r.Result))
	page := pageOf(t, dir, nil)
	for _, part := range []string{
		"<th>told &lt;from&gt;</th>", `<th class="n">Area<small>under the curve</small></th>`, `<th class="n">Depth</th>`,
		`<th scope="row">noise &amp; more</th><td class="n">25.00 %</td><td class="n">` + measure.Nat.Text(3) + "</td>", `<th scope="row">nothing</th><td class="n">` + measure.Share.Text(math.NaN()) + `</td><td class="n">–</td>`,
	} {
		if !strings.Contains(page, part) {
			t.Errorf("the page does not say %q", part)
		}
	}
}
