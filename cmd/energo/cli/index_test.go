package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

// board is the script command "board FILE PLACE": a PNG picture with a bright bar in one of four places, as those of
// writeDigits have.
func board(ts *testscript.TestScript, _ bool, args []string) {
	place, err := strconv.Atoi(args[1])
	ts.Check(err)
	m := image.NewGray(image.Rect(0, 0, 24, 24))
	for y := range 24 {
		for x := range 24 {
			v := uint8(70)
			if y/6 == place {
				v = 150
			}
			m.SetGray(x, y, color.Gray{Y: v})
		}
	}
	var b bytes.Buffer
	ts.Check(png.Encode(&b, m))
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o777))
	ts.Check(os.WriteFile(path, b.Bytes(), 0o666))
}

// address is in what energo serve says.
var address = regexp.MustCompile(`http://[0-9.:]+`)

// fetch is the script command "fetch SAID METHOD PATH [TYPE FILE]": asks the server whose first words are in a
// file, and prints the status and the answer.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 && len(args) != 5 {
		ts.Fatalf("usage: fetch SAID METHOD PATH [TYPE FILE]")
	}
	var body []byte
	if len(args) == 5 {
		var err error
		body, err = os.ReadFile(ts.MkAbs(args[4]))
		ts.Check(err)
	}
	r, err := http.NewRequest(args[1], address.FindString(ts.ReadFile(args[0]))+args[2], bytes.NewReader(body))
	ts.Check(err)
	if len(args) == 5 {
		r.Header.Set("Content-Type", args[3])
	}
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d\n%s", answer.StatusCode, text)
}

// bars is a network of two coordinates, that stops the command after some batches.
type bars struct {
	batches int
	stop    context.CancelFunc
}

func (*bars) Dim() int              { return 2 }
func (*bars) Fingerprint() string   { return "bars" }
func (*bars) Metric() distance.Kind { return distance.Euclidean }
func (*bars) Size() image.Point     { return image.Pt(1, 1) }
func (b *bars) Encode(dst []float32, pictures []image.Image) error {
	for i, p := range pictures {
		dst[2*i] = float32(color.GrayModel.Convert(p.At(0, 0)).(color.Gray).Y)
	}
	if b.batches--; b.batches == 0 {
		b.stop()
	}
	return nil
}

// dots are entries of one pixel each.
func dots(n int) (all []entry) {
	for i := range n {
		m := image.NewGray(image.Rect(0, 0, 1, 1))
		m.Pix[0] = uint8(i)
		all = append(all, entry{id: fmt.Sprint("d/", i), label: fmt.Sprint(i % 3), path: fmt.Sprint("set#train/", i), grey: m})
	}
	return all
}

// A build that was stopped continues where it was, and gives what an unbroken one gives.
func TestFillContinues(t *testing.T) {
	entries := dots(3*fillBatch + 10)
	vectors := func(x *index.Exact) (all []string) {
		for item, err := range x.Each(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprint(item))
		}
		return all
	}
	var want []string
	for _, stopAfter := range []int{-1, 1, 2} {
		dir := t.TempDir()
		x, err := index.Create(dir, index.Options{Dim: 2})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		f := filling{x: x, encoder: &bars{stopAfter, stop}, p: newProgress(io.Discard, true)}
		err = f.all(ctx, entries)
		if (stopAfter > 0) != errors.Is(err, context.Canceled) {
			t.Fatalf("stopped after %d batches: %v", stopAfter, err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if x, err = index.Open(dir); err != nil {
			t.Fatal(err)
		}
		there := vectors(x)
		f = filling{x: x, encoder: &bars{}, p: newProgress(io.Discard, true)}
		if err := f.all(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		if f.result.Unchanged != len(there) || f.result.Added != len(entries)-len(there) || stopAfter > 0 && len(there) == len(entries) {
			t.Errorf("stopped after %d batches with %d items: %+v", stopAfter, len(there), f.result)
		}
		got := vectors(x)
		if want == nil {
			want = got
		}
		if len(got) != len(entries) || !slices.Equal(got, want) {
			t.Errorf("stopped after %d batches, the index has %d items, others than unbroken", stopAfter, len(got))
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		stop()
	}
}

// TestDroppedIsSaid: commands say what a crash left half written, until it is cut off.
func TestDroppedIsSaid(t *testing.T) {
	dir := t.TempDir()
	x, err := index.Create(dir, index.Options{Dim: 2})
	if err == nil {
		err = x.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("logs are %v, %v", logs, err)
	}
	whole, err := os.ReadFile(logs[0])
	if err == nil {
		err = os.WriteFile(logs[0], append(whole, "frm"...), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		said bool
	}{
		{[]string{"info", dir}, true},
		{[]string{"list", dir}, true},
		{[]string{"delete", dir, "nobody"}, true}, // which may cut it off
		{[]string{"info", dir}, false},
	} {
		var out, warn strings.Builder
		cmd := newIndex()
		cmd.SetArgs(c.args)
		cmd.SetOut(&out)
		cmd.SetErr(&warn)
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(warn.String(), "dropped 3 bytes at the end of "+filepath.Base(logs[0])); said != c.said {
			t.Errorf("%s says %q", c.args[0], warn.String())
		}
	}
}

// What one collection has twice is refused where it is not the same.
func TestUnique(t *testing.T) {
	twice := append(dots(3), dots(2)...)
	if err := unique(twice); err != nil {
		t.Error(err)
	}
	twice[4].label = "other"
	if err := unique(twice); err == nil || !strings.Contains(err.Error(), `identifier "d/1"`) {
		t.Error(err)
	}
	items, pictures, failed := decodeEntries(t.Context(), append(dots(3), dots(2)...), image.Pt(1, 1))
	if len(items) != 3 || len(pictures) != 3 || errors.Join(failed...) != nil {
		t.Errorf("%d items and %d pictures of 3, %v", len(items), len(pictures), failed)
	}
}

func TestRememberedRun(t *testing.T) {
	base := t.TempDir()
	for _, c := range []struct{ index, run, text string }{
		{"run/index", "run", `".."`},
		{"run/a/b", "run", `"../.."`},
		{"other", "run", strconv.Quote(filepath.ToSlash(filepath.Join(base, "run")))},
	} {
		home, run := filepath.Join(base, c.index), filepath.Join(base, c.run)
		if err := os.MkdirAll(home, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := rememberRun(home, run); err != nil {
			t.Fatal(err)
		}
		if got, err := rememberedRunOf(home); err != nil || got != run {
			t.Errorf("%s: the run is %q (%v), want %q", c.index, got, err, run)
		}
		if text, _ := os.ReadFile(filepath.Join(home, runMemory)); strings.TrimSpace(string(text)) != `{"run":`+c.text+`}` {
			t.Errorf("%s: %s", c.index, text)
		}
	}
	if got, err := rememberedRunOf(base); got != "" || err != nil {
		t.Errorf("of no memory: %q %v", got, err)
	}
}

func TestByNumber(t *testing.T) {
	got := []string{"b", "10", "a", "9", "-1", ""}
	slices.SortFunc(got, byNumber)
	if fmt.Sprintf("%q", got) != `["-1" "9" "10" "" "a" "b"]` {
		t.Errorf("%q", got)
	}
}

func TestCutDigit(t *testing.T) {
	for at, want := range map[string]string{
		"mnist#train/00012": "mnist|train/00012", "/a#b/c#test/3": "/a#b/c|test/3", "/a/b.png": "", "/a/b#c.png": "", "mnist#other/3": "",
		"/a#train/b.png": "", "/a#train/7/3": "",
	} {
		dir, place, ok := cutDigit(at)
		if got := dir + "|" + place; ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}

// A file may lie where the path of a digit could point.
func TestPictureCalledAsDigit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x#train", "00012")
	writePNG(t, file, image.NewGray(image.Rect(0, 0, 3, 2)))
	var g gallery
	m, err := g.picture(t.Context(), index.Item{Fields: map[string]string{index.PathField: file}})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := m.Within(9); err != nil || m.Bounds().Dx() != 3 {
		t.Errorf("%v, %v", m, err)
	}
}

func writePNG(t *testing.T, path string, m image.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := errors.Join(png.Encode(&b, m), os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, b.Bytes(), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// Digits that are being loaded keep nobody who does not want to wait any more, and are loaded once.
func TestGalleryLoadsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loads atomic.Int32
		goOn := make(chan struct{})
		set := &data.Images{N: 1, H: 1, W: 1, Pixels: []uint8{7}, Labels: []uint8{0}}
		g := gallery{load: func(ctx context.Context, _ string, _ data.Progress) (train, test *data.Images, err error) {
			n := loads.Add(1)
			<-goOn
			if n == 1 {
				return nil, nil, errors.New("no such folder")
			}
			return set, set, ctx.Err()
		}}
		item := index.Item{Fields: map[string]string{index.PathField: "set#train/00000"}}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := g.picture(ctx, item); !errors.Is(err, context.Canceled) {
			t.Errorf("one who is gone: %v", err)
		}
		close(goOn)
		synctest.Wait()
		for range 3 {
			if m, err := g.picture(t.Context(), item); err != nil || m.(data.DecodedPicture).Bounds().Dx() != 1 {
				t.Errorf("%v, %v", m, err)
			}
		}
		if n := loads.Load(); n != 2 {
			t.Errorf("%d loads, want one that failed and one more", n)
		}
	})
}

// A label that an index does not take is that picture's fault alone.
func TestBadLabel(t *testing.T) {
	entries := dots(3)
	entries[1].label = "caf\xe9"
	items, _, failed := decodeEntries(t.Context(), entries, image.Pt(1, 1))
	if len(items) != 2 || failed[1] == nil || !strings.Contains(failed[1].Error(), entries[1].path) {
		t.Errorf("%d items of 2, %v", len(items), failed)
	}
}

// stuck is an index that cannot be closed in order.
type stuck struct{ index.Index }

func (stuck) Close() error { return errors.New("disk full") }

// One who interrupts is told of an index that could not be closed.
func TestCloseAfterInterrupt(t *testing.T) {
	var said bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetErr(&said)
	if err := closeAfter(cmd, stuck{}, errInterrupted); !errors.Is(err, errInterrupted) || said.String() != "energo: disk full\n" {
		t.Errorf("%q is said, error %v", said.String(), err)
	}
	said.Reset()
	if err := closeAfter(cmd, stuck{}, nil); err == nil || said.Len() != 0 {
		t.Errorf("%q is said, error %v", said.String(), err)
	}
}

// TestRememberedRunIsBytes: an index remembers a run whose folder's name is not UTF-8.
func TestRememberedRunIsBytes(t *testing.T) {
	run, name := filepath.Join(t.TempDir(), "r\xfcn"), t.TempDir()
	if err := rememberRun(name, run); err != nil {
		t.Fatal(err)
	}
	if got, err := rememberedRunOf(name); err != nil || got != run {
		t.Errorf("it remembers %q, %v", got, err)
	}
}
