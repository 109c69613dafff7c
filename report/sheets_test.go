package report

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A sheet has the pictures in order, and the page shows it.
func TestSheets(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ConfigFile), []byte("recipe: generate\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	const h, w, n = 3, 2, 5
	pixels := make([]float32, n*h*w)
	for i := range pixels {
		pixels[i] = float32(i/(h*w)) / 10 // a picture's own shade
	}
	s := Sheet{Name: "five", Title: "Five <shades>", Note: "a note", Pixels: pixels, H: h, W: w, Columns: 2, Band: 2}
	if err := WriteSheets(dir, []Sheet{s}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, PlotsFolder, "five.png"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := img.Bounds().Size().String(), "(17,40)"; got != want {
		t.Errorf("size %s, want %s", got, want)
	}
	for i, at := range [n][2]int{{3, 3}, {10, 3}, {3, 12}, {10, 12}, {3, 31}} {
		if got, _, _, _ := img.At(at[0], at[1]).RGBA(); int(got>>8) != (51*i+1)/2 {
			t.Errorf("picture %d has shade %d, want %d", i, got>>8, (51*i+1)/2)
		}
	}
	if page := pageOf(t, dir, nil); !strings.Contains(page, "Five &lt;shades&gt;") || !strings.Contains(page, "a note") {
		t.Error("the page does not show the sheet")
	}
	if err := WriteSheets(dir, []Sheet{{Name: "bad", Pixels: pixels[:7], H: h, W: w, Columns: 2}}); err == nil {
		t.Error("seven pixels were taken for pictures of six")
	}
}
