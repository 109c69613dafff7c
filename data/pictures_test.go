package data

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
	"pgregory.net/rapid"
)

// tinyWebP is one pixel, lossless.
const tinyWebP = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gifOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// flat is a picture of one colour.
func flat(w, h int, c color.Color) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		m.Set(i%w, i/w, c)
	}
	return m
}

func grey(v byte) color.Color { return color.Gray{Y: v} }

// noise is a grey picture of random pixels.
func noise(w, h int, seed uint64) *image.Gray {
	rng := rand.New(rand.NewPCG(seed, 1))
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = byte(rng.IntN(256))
	}
	return m
}

func webpFile(t testing.TB) []byte {
	t.Helper()
	file, err := base64.StdEncoding.DecodeString(tinyWebP)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDecodePicture(t *testing.T) {
	red := color.RGBA{250, 10, 20, 255}
	for name, c := range map[string]struct {
		file []byte
		w, h int
	}{
		"png":  {pngOf(t, flat(5, 3, red)), 5, 3},
		"jpeg": {jpegOf(t, flat(5, 3, red)), 5, 3},
		"gif":  {gifOf(t, flat(5, 3, red)), 5, 3},
		"webp": {webpFile(t), 1, 1},
	} {
		m, err := DecodePicture(bytes.NewReader(c.file), c.w*c.h)
		if err != nil || m.Bounds().Dx() != c.w || m.Bounds().Dy() != c.h {
			t.Errorf("%s: %v, %v", name, m, err)
			continue
		}
		if _, err := DecodePicture(bytes.NewReader(c.file), c.w*c.h-1); !errors.Is(err, ErrPicture) || !strings.Contains(err.Error(), fmt.Sprintf("%d×%d", c.w, c.h)) {
			t.Errorf("%s of more pixels than are taken: error %v", name, err)
		}
		for cut := range len(c.file) - 1 {
			if _, err := DecodePicture(bytes.NewReader(c.file[:cut]), 100); err != nil && !errors.Is(err, ErrPicture) {
				t.Errorf("%s of %d bytes: error %v", name, cut, err)
			}
		}
		if name == "webp" {
			continue
		}
		rgb := make([]byte, 3*4)
		Fit(rgb, m, 3, 2, 2)
		for i, want := range []byte{250, 10, 20} {
			if d := int(rgb[4*i]) - int(want); d < -12 || d > 12 { // GIF's palette is coarse
				t.Errorf("%s: plane %d has %d, want %d", name, i, rgb[4*i], want)
			}
		}
	}
	bomb := pngOf(t, flat(1, 1, red))
	copy(bomb[16:], []byte{0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff})
	for name, file := range map[string][]byte{"a bomb": bomb, "nothing": {}, "text": []byte("GIF8 is the beginning"), "a TIFF": []byte("II*\x00\x08\x00\x00\x00"), "AVIF": []byte("\x00\x00\x00\x20ftypavif")} {
		if _, err := DecodePicture(bytes.NewReader(file), MaxPicturePixels); !errors.Is(err, ErrPicture) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := DecodePicture(failing{}, 1); err == nil || errors.Is(err, ErrPicture) {
		t.Errorf("a reader that fails: error %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the line is dead") }

// withOrientation puts an EXIF header into a JPEG.
func withOrientation(file []byte, order string, orientation byte) []byte {
	tiff := "II*\x00\x08\x00\x00\x00" + "\x02\x00" +
		"\x0f\x01\x02\x00\x01\x00\x00\x00x\x00\x00\x00" + "\x12\x01\x03\x00\x01\x00\x00\x00" + string(orientation) + "\x00\x00\x00" + "\x00\x00\x00\x00"
	if order == "MM" {
		tiff = "MM\x00*\x00\x00\x00\x08" + "\x00\x02" +
			"\x01\x0f\x00\x02\x00\x00\x00\x01x\x00\x00\x00" + "\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string(orientation) + "\x00\x00" + "\x00\x00\x00\x00"
	}
	body := "Exif\x00\x00" + tiff
	app0 := "\xff\xe0\x00\x04ab" // something else before it
	app1 := app0 + "\xff\xe1" + string([]byte{byte((len(body) + 2) >> 8), byte(len(body) + 2)}) + body
	return append(append(append([]byte{}, file[:2]...), app1...), file[2:]...)
}

// TestOrientation shows where the four corners of a picture come to lie, as the EXIF standard
// says: where the 0th row and the 0th column of the stored picture are seen.
func TestOrientation(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 32, 16))
	for i := range m.Pix {
		x, y := i%32, i/32
		m.Pix[i] = byte(60 * (x/16 + 2*(y/8))) // 0 60 / 120 180
	}
	file := jpegOf(t, m)
	for orientation, want := range map[byte][4]int{ // of the corners, by rows
		1:   {0, 60, 120, 180},
		2:   {60, 0, 180, 120}, // row at the top, column at the right
		3:   {180, 120, 60, 0}, // bottom, right
		4:   {120, 180, 0, 60}, // bottom, left
		5:   {0, 120, 60, 180}, // row at the left, column at the top
		6:   {120, 0, 180, 60}, // right, top
		7:   {180, 60, 120, 0}, // right, bottom
		8:   {60, 180, 0, 120}, // left, bottom
		9:   {0, 60, 120, 180}, // no such orientation
		0:   {0, 60, 120, 180}, // nor this
		200: {0, 60, 120, 180}, // nor this
	} {
		for _, order := range []string{"II", "MM"} {
			m, err := DecodePicture(bytes.NewReader(withOrientation(file, order, orientation)), 1000)
			if err != nil {
				t.Fatal(err)
			}
			b := m.Bounds()
			if turned := b.Dx() == 16; turned != (orientation >= 5 && orientation <= 8) {
				t.Errorf("orientation %d: %v", orientation, b)
			}
			for i, v := range want {
				x, y := 3+i%2*(b.Dx()-6), 3+i/2*(b.Dy()-6)
				r, _, _, _ := m.At(x, y).RGBA()
				if d := int(r>>8) - v; d < -4 || d > 4 {
					t.Errorf("%s, orientation %d: corner %d is %d, want %d", order, orientation, i, r>>8, v)
				}
			}
		}
	}
	for cut := range 60 { // headers cut short say nothing, or the file ends early
		if _, err := ParsePicture(withOrientation(file, "II", 6)[:cut], 1000); err != nil && !errors.Is(err, ErrPicture) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
}

func TestFit(t *testing.T) {
	m := noise(7, 5, 1)
	same := make([]byte, 35)
	if Fit(same, m, 1, 5, 7); !bytes.Equal(same, m.Pix) {
		t.Errorf("a picture of the right size comes out as %v, it is %v", same, m.Pix)
	}
	three := make([]byte, 3*35)
	if Fit(three, m, 3, 5, 7); !bytes.Equal(three, bytes.Repeat(m.Pix, 3)) {
		t.Error("grey is not grey in three channels")
	}
	// A wide picture loses its sides.
	wide := image.NewGray(image.Rect(-3, 10, 17, 20))
	for i := range wide.Pix {
		wide.Pix[i] = 255
		if x := i % 20; x >= 5 && x < 15 {
			wide.Pix[i] = 40
		}
	}
	got := make([]byte, 25)
	if Fit(got, wide, 1, 5, 5); !bytes.Equal(got, bytes.Repeat([]byte{40}, 25)) {
		t.Errorf("the middle comes out as %v", got)
	}
	// Shrinking averages: a checkerboard becomes grey.
	board := image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range board.Pix {
		board.Pix[i] = byte(255 * ((i + i/64) % 2))
	}
	small := make([]byte, 64)
	Fit(small, board, 1, 8, 8)
	for i, v := range small {
		if v < 110 || v > 145 {
			t.Errorf("pixel %d of a shrunk checkerboard is %d", i, v)
		}
	}
	// What is transparent is white, and luma weighs the colours.
	one := make([]byte, 1)
	if Fit(one, flat(3, 3, color.NRGBA{200, 0, 0, 0}), 1, 1, 1); one[0] != 255 {
		t.Errorf("transparent is %d", one[0])
	}
	if Fit(one, image.NewGray(image.Rectangle{}), 1, 1, 1); one[0] != 255 {
		t.Errorf("nothing is %d", one[0])
	}
	if Fit(one, flat(1, 1, color.RGBA{0, 255, 0, 255}), 1, 1, 1); one[0] != 150 {
		t.Errorf("green is %d, 0.587 of white is 150", one[0])
	}
}

// TestFitKeepsFlatPictures: a picture of one colour has it at any size, and what is cropped
// lies within the picture, in the middle.
func TestFitKeepsFlatPictures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 40).Draw(t, "w"), rapid.IntRange(1, 40).Draw(t, "h")
		c := color.RGBA{rapid.Byte().Draw(t, "r"), rapid.Byte().Draw(t, "g"), rapid.Byte().Draw(t, "b"), 255}
		toW, toH := rapid.IntRange(1, 20).Draw(t, "to w"), rapid.IntRange(1, 20).Draw(t, "to h")
		dst := make([]byte, 3*toW*toH)
		Fit(dst, flat(w, h, c), 3, toH, toW)
		for i, v := range dst {
			if want := []byte{c.R, c.G, c.B}[i/(toW*toH)]; int(v)-int(want) > 1 || int(want)-int(v) > 1 {
				t.Fatalf("byte %d is %d, the colour is %v", i, v, c)
			}
		}
		r := image.Rect(5, 7, 5+w, 7+h)
		m := middle(r, toH, toW)
		if !m.In(r) || m.Empty() || m.Dx() != w && m.Dy() != h {
			t.Fatalf("the middle of %v in the shape of %d:%d is %v", r, toW, toH, m)
		}
		if left, right := m.Min.X-r.Min.X, r.Max.X-m.Max.X; left-right > 1 || right-left > 1 {
			t.Fatalf("%v does not lie in the middle of %v", m, r)
		}
	})
}

// shelf makes a folder of pictures: cats and dogs, and what is to be passed over.
func shelf(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"dog/b.png":           pngOf(t, flat(10, 10, grey(20))),
		"dog/a.GIF":           gifOf(t, flat(10, 10, grey(10))),
		"cat/deep/er/c.jpeg":  jpegOf(t, flat(12, 20, grey(30))),
		"cat/d.webp":          webpFile(t),
		"cat/notes.txt":       []byte("not a picture"),
		"cat/.thumbs/x.png":   []byte("not a picture"),
		"cat/._y.png":         []byte("not a picture"),
		".git/objects/pc.png": []byte("not a picture"),
		"README":              []byte("hello"),
	} {
		place(t, filepath.Join(dir, name), content)
	}
	return dir
}

func place(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

var small8 = PictureOptions{H: 8, W: 8}

func TestReadPictures(t *testing.T) {
	dir := shelf(t)
	p, skipped, err := ReadPictures(t.Context(), dir, small8)
	if err != nil || len(skipped) > 0 {
		t.Fatal(err, skipped)
	}
	if p.N != 4 || p.C != 1 || p.H != 8 || p.W != 8 || len(p.Pixels) != 4*64 ||
		!reflect.DeepEqual(p.Classes, []string{"cat", "dog"}) || !reflect.DeepEqual(p.Labels, []int{0, 0, 1, 1}) ||
		!reflect.DeepEqual(p.Paths, []string{"cat/d.webp", "cat/deep/er/c.jpeg", "dog/a.GIF", "dog/b.png"}) {
		t.Fatalf("read %+v", p)
	}
	for i, want := range []byte{30, 10, 20} {
		for _, v := range p.Picture(i + 1) {
			if int(v)-int(want) > 8 || int(want)-int(v) > 8 {
				t.Fatalf("%s has %d, want %d", p.Paths[i+1], v, want)
			}
		}
	}
	if len(p.Left) != 3 {
		t.Errorf("left out %v", p.Left)
	}
	place(t, filepath.Join(dir, "dog/red.png"), pngOf(t, flat(3, 3, color.RGBA{255, 0, 0, 255})))
	p, _, err = ReadPictures(t.Context(), dir, small8)
	if err != nil || p.C != 3 || len(p.Pixels) != 5*192 || p.Picture(4)[0] != 255 || p.Picture(4)[64] != 0 {
		t.Fatalf("with a red one: %d channels, %v", p.C, err)
	}
	one := small8
	one.C = 1
	if p, _, err = ReadPictures(t.Context(), dir, one); err != nil || p.C != 1 || p.Picture(4)[5] != 76 {
		t.Fatalf("in grey: %v, %v", p, err)
	}
}

// TestReadPicturesRefuses: every error names the file or the folder, and bad files can be skipped.
func TestReadPicturesRefuses(t *testing.T) {
	dir := shelf(t)
	place(t, filepath.Join(dir, "dog/a1.png"), []byte("PNG?"))
	place(t, filepath.Join(dir, "dog/a2.png"), pngOf(t, flat(3, 3, grey(1)))[:40])
	for range 5 {
		if _, _, err := ReadPictures(t.Context(), dir, small8); !errors.Is(err, ErrPicture) || !strings.Contains(err.Error(), "a1.png") {
			t.Errorf("bad files: error %v", err)
		}
	}
	o := small8
	o.Skip = true
	p, skipped, err := ReadPictures(t.Context(), dir, o)
	if err != nil || p.N != 4 || len(skipped) != 2 || !strings.Contains(skipped[0].Error(), "a1.png") || !strings.Contains(skipped[1].Error(), "a2.png") || p.Paths[3] != "dog/b.png" {
		t.Errorf("skipping gives %+v, %v, %v", p, skipped, err)
	}
	bad := t.TempDir()
	place(t, filepath.Join(bad, "x/y.png"), []byte("PNG?"))
	refuse := func(what, want, source string, o PictureOptions) {
		t.Helper()
		if _, _, err := ReadPictures(t.Context(), source, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v; it should say %q", what, err, want)
		}
	}
	refuse("all bad", "none of 1 pictures", bad, o)
	refuse("no such folder", "nowhere", filepath.Join(dir, "nowhere"), small8)
	refuse("a folder without subfolders", "none of the 4 pictures in "+filepath.Join(dir, "dog")+" has a label", filepath.Join(dir, "dog"), small8)
	refuse("an empty folder", "has no pictures", t.TempDir(), small8)
	refuse("sides of 0", "0×8", dir, PictureOptions{W: 8})
	refuse("four channels", "channels are 4", dir, PictureOptions{C: 4, H: 8, W: 8})
	refuse("more than fits", "more than the 0 MiB", dir, PictureOptions{H: 8, W: 8, MaxBytes: 5*192 - 1})
	refuse("many pixels", "12×20 pixels; at most 99", dir, PictureOptions{H: 8, W: 8, MaxPixels: 99})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := ReadPictures(ctx, shelf(t), small8); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: error %v", err)
	}
}

func TestReadPictureLists(t *testing.T) {
	dir := shelf(t)
	list := filepath.Join(dir, "list.csv")
	read := func(text string) (*Pictures, error) {
		place(t, list, []byte(text))
		p, _, err := ReadPictures(t.Context(), list, small8)
		return p, err
	}
	for _, text := range []string{
		"dog/b.png,brown\ncat/deep/er/c.jpeg,\"a, b\"\n",
		" dog/b.png , brown \n\ncat/deep/er/c.jpeg,\"a, b\"",
		"filename,class\ndog/b.png,brown\ncat/deep/er/c.jpeg,\"a, b\"",
		"image,Category\ndog/b.png,brown\ncat/deep/er/c.jpeg,\"a, b\"",
		"\xef\xbb\xbfPath,Label\r\ndog/b.png,brown\r\ncat/deep/er/c.jpeg,\"a, b\"\r\n",
	} {
		p, err := read(text)
		if err != nil || !reflect.DeepEqual(p.Paths, []string{"dog/b.png", "cat/deep/er/c.jpeg"}) || !reflect.DeepEqual(p.Labels, []int{1, 0}) || p.Classes[0] != "a, b" {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
	if p, err := read(filepath.Join(dir, "dog/b.png") + ",x\n"); err != nil || p.N != 1 {
		t.Errorf("an absolute path: %+v, %v", p, err)
	}
	for text, want := range map[string]string{
		"":                             "lists no pictures",
		"path,label\n":                 "lists no pictures",
		"dog/b.png\n":                  "line 1: it has 1 fields",
		"path,label\n\n,x\n":           "line 3: the path is empty",
		"dog/b.png,\n":                 "line 1: the label is empty",
		"name,class\n":                 "taken for the header: 1 (name,class)",
		"path,label,label\n":           "columns 2 and 3 of the header",
		"path,label,\n":                "column 3 of the header has no name",
		"dog/b.png,x,y\n":              "line 1: it has 3 fields",
		"dog/b.png,\"x\n":              list,
		"dog/b.png,x\nnone.png,x\n":    "none.png",
		"dog/b.png,x\ncat,x\n":         "not a regular file",
		"dog/b.png,x\npath,label,or\n": "line 2",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v; it should say %q", text, err, want)
		}
	}
}

func TestReadPairs(t *testing.T) {
	dir := shelf(t)
	place(t, filepath.Join(dir, "bad.png"), []byte("PNG?"))
	list := filepath.Join(dir, "pairs.csv")
	read := func(text string, o PictureOptions) (*Pictures, []PicturePair, error) {
		place(t, list, []byte(text))
		p, pairs, _, err := ReadPairs(t.Context(), list, o)
		return p, pairs, err
	}
	const text = "image1,image2,label\ndog/b.png,dog/a.GIF,1\nbad.png,dog/a.GIF,true\ncat/d.webp,./dog/b.png,False\n"
	if _, _, err := read(text, small8); err == nil || !strings.Contains(err.Error(), "bad.png") {
		t.Errorf("a bad picture: error %v", err)
	}
	o := small8
	o.Skip = true
	p, pairs, err := read(text, o)
	if err != nil || p.N != 3 || p.Labels != nil || !reflect.DeepEqual(pairs, []PicturePair{{0, 1, true}, {2, 0, false}}) || p.Paths[2] != "cat/d.webp" {
		t.Errorf("%+v, %v, %v", p, pairs, err)
	}
	for text, want := range map[string]string{
		"path1,path2,same\n":          "lists no pairs",
		"dog/b.png,dog/a.GIF,maybe\n": `line 1: same is "maybe"`,
		"dog/b.png,,1\n":              "line 1",
		"dog/b.png,./dog/b.png,1\n":   "line 1: dog/b.png is paired with itself",
		"dog/b.png,dog/a.GIF\n":       "line 1: it has 2 fields",
		"bad.png,dog/a.GIF,1\n":       "could both",
	} {
		if _, _, err := read(text, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v; it should say %q", text, err, want)
		}
	}
}

func TestLoadPictures(t *testing.T) {
	dir, other := shelf(t), t.TempDir()
	place(t, filepath.Join(other, "bat/x.png"), pngOf(t, flat(3, 3, color.RGBA{255, 0, 0, 255})))
	place(t, filepath.Join(other, "dog/x.png"), pngOf(t, flat(3, 3, grey(3))))
	a, b, _, err := LoadPictures(t.Context(), dir, other, small8, nil)
	if err != nil || b.C != 1 || !reflect.DeepEqual(a.Classes, []string{"bat", "cat", "dog"}) || !reflect.DeepEqual(a.Classes, b.Classes) ||
		!reflect.DeepEqual(a.Labels, []int{1, 1, 2, 2}) || !reflect.DeepEqual(b.Labels, []int{0, 2}) {
		t.Errorf("%+v, %+v, %v", a, b, err)
	}
	if a, b, _, err = LoadPictures(t.Context(), dir, "", small8, nil); err != nil || a.N != 4 || b != nil {
		t.Errorf("without a test set: %+v, %+v, %v", a, b, err)
	}
	digits := t.TempDir()
	put(t, digits, small())
	a, b, _, err = LoadPictures(t.Context(), digits, "", small8, nil)
	if err != nil || a.H != 2 || a.W != 3 || a.C != 1 || a.Paths[2] != "train/00002" || b.Paths[1] != "test/00001" || b.Labels[1] != 2 || len(b.Classes) != 3 {
		t.Errorf("digits: %+v, %+v, %v", a, b, err)
	}
	if _, _, _, err = LoadPictures(t.Context(), digits, other, small8, nil); err == nil {
		t.Error("digits with a second test set are taken")
	}
}

func TestPictures(t *testing.T) {
	p := &Pictures{Pixels: []byte{0, 51, 255, 255, 0, 0}, N: 3, C: 1, H: 1, W: 2, Labels: []int{0, 1, 0}, Classes: []string{"a", "b"}, Paths: []string{"x", "y", "z"}}
	got := make([]float32, 4)
	if p.Batch(got, []int{0, 2}); !reflect.DeepEqual(got, []float32{0, 0.2, 0, 0}) {
		t.Errorf("batch %v", got)
	}
	q := p.Pick([]int{2, 1})
	if q.N != 2 || !reflect.DeepEqual(q.Pixels, []byte{0, 0, 255, 255}) || !reflect.DeepEqual(q.Labels, []int{0, 1}) || !reflect.DeepEqual(q.Paths, []string{"z", "y"}) {
		t.Errorf("picked %+v", q)
	}
}

func TestBackground(t *testing.T) {
	digits := &Pictures{C: 1, H: 5, W: 5}
	for range 20 {
		x := make([]byte, 25)
		x[12], x[7] = 255, 255
		digits.Pixels, digits.N = append(digits.Pixels, x...), digits.N+1
	}
	if !digits.DarkBackground() {
		t.Error("white on black is no dark background")
	}
	for i := range 2 {
		copy(digits.Picture(i), bytes.Repeat([]byte{100}, 25))
	}
	if digits.DarkBackground() {
		t.Error("with a tenth of bright borders it is a dark background")
	}
	for _, size := range [][2]int{{1, 1}, {1, 4}, {4, 1}, {2, 2}, {5, 3}} {
		h, w := size[0], size[1]
		sum, n := 0, 0
		x := noise(w, h, 3).Pix
		for i, v := range x {
			if y := i / w; y == 0 || y == h-1 || i%w == 0 || i%w == w-1 {
				sum, n = sum+int(v), n+1
			}
		}
		if got, want := border(x, h, w), float64(sum)/float64(n); math.Abs(got-want) > 1e-12 {
			t.Errorf("the border of %d×%d is %v, want %v", h, w, got, want)
		}
	}
	ink := []byte{255, 255, 255, 255, 0, 255, 255, 255, 255}
	if Darken(ink, 3, 3); ink[4] != 255 || ink[0] != 0 {
		t.Errorf("ink on paper becomes %v", ink)
	}
	if Darken(ink, 3, 3); ink[4] != 255 || ink[0] != 0 {
		t.Errorf("a dark picture becomes %v", ink)
	}
}

// TestJittered holds pictures against digits, which have their own background, and looks at the options.
func TestJittered(t *testing.T) {
	m := &Images{Pixels: make([]byte, 2*28*28), Labels: make([]byte, 2), N: 2, H: 28, W: 28}
	for i := range 2 * 12 * 12 {
		m.Image(i / 144)[(8+i%144/12)*28+8+i%12] = byte(i) // far from the edge: outside does not matter
	}
	p := PicturesOf(m, "train")
	seeded := func() *rand.Rand { return rand.New(rand.NewPCG(5, 5)) }
	want, got := make([]float32, 2*784), make([]float32, 2*784)
	m.Jittered(want, []int{1, 0}, seeded())
	if p.Jittered(got, []int{1, 0}, Jitter{}, seeded()); !reflect.DeepEqual(got, want) {
		t.Error("pictures of digits move otherwise than digits")
	}
	bright := &Pictures{Pixels: bytes.Repeat([]byte{204}, 3*30), N: 1, C: 3, H: 5, W: 6}
	x := make([]float32, 90)
	bright.Jittered(x, []int{0}, Jitter{Flip: true}, seeded())
	for i, v := range x {
		if math.Abs(float64(v)-0.8) > 1e-6 {
			t.Fatalf("a picture of one colour has %v at %d", v, i)
		}
	}
	rng, means := seeded(), map[float32]bool{}
	for range 20 {
		bright.Jittered(x, []int{0}, Jitter{Brightness: true}, rng)
		if x[0] < 0 || x[0] > 1 || math.Abs(float64(x[0]-x[89])) > 1e-6 {
			t.Fatalf("brightness makes %v and %v", x[0], x[89])
		}
		means[x[0]] = true
	}
	if len(means) < 10 {
		t.Errorf("20 pictures have %d brightnesses", len(means))
	}
	left := &Pictures{Pixels: make([]byte, 28*28), N: 1, C: 1, H: 28, W: 28}
	for i := range left.Pixels {
		if i%28 < 14 {
			left.Pixels[i] = 255
		}
	}
	y, flipped := make([]float32, 784), 0
	for range 200 {
		left.Jittered(y, []int{0}, Jitter{Flip: true}, rng)
		if y[14*28+24] > 0.5 {
			flipped++
		}
	}
	if flipped < 70 || flipped > 130 {
		t.Errorf("%d of 200 pictures are mirrored", flipped)
	}
}

// manyScans is a progressive JPEG of side×side grey pixels that says nothing new in each of its scans.
func manyScans(side, scans int) []byte {
	w := byte(side >> 8)
	f := append([]byte{0xff, 0xd8, 0xff, 0xdb, 0, 67, 0}, bytes.Repeat([]byte{1}, 64)...)
	f = append(f, 0xff, 0xc2, 0, 11, 8, w, byte(side), w, byte(side), 1, 1, 0x11, 0)
	f = append(f, 0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe0) // one code: a run of empty blocks
	for range side * side / (64 * 8 * 1000) {                                                    // else it is too short for its blocks
		f = append(append(f, 0xff, 0xfe, 1002>>8, 1002&255), make([]byte, 1000)...)
	}
	for range scans {
		f = append(f, 0xff, 0xda, 0, 8, 1, 1, 0, 1, 63, 0)
		for left := side * side / 64; left > 0; left -= 1<<15 - 1 {
			f = append(f, 0x7f, 0xff, 0) // a zero, 14 ones, and one more
		}
	}
	return append(f, 0xff, 0xd9)
}

// TestScans: a file of a few bytes a scan must not have all pixels gone through without end.
func TestScans(t *testing.T) {
	if m, err := DecodePicture(bytes.NewReader(manyScans(64, 200)), 1<<12); err != nil || m.Bounds().Dx() != 64 {
		t.Errorf("200 scans: %v", err)
	}
	if _, err := DecodePicture(bytes.NewReader(manyScans(64, 201)), 1<<12); !errors.Is(err, ErrPicture) || !strings.Contains(err.Error(), "201 JPEG scans") {
		t.Errorf("one more: error %v", err)
	}
}

// TestDecodingWaits for room for what a picture takes.
func TestDecodingWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	place(t, path, pngOf(t, flat(8, 8, grey(9))))
	p := &Pictures{Pixels: make([]byte, 64), N: 1, C: 1, H: 8, W: 8}
	encoded, err := ReadPicture(bytes.NewReader(pngOf(t, flat(8, 8, grey(9)))), 64)
	if err != nil {
		t.Fatal(err)
	}
	room := semaphore.NewWeighted(encoded.Memory(8, 8) + 8)
	if !room.TryAcquire(9) {
		t.Fatal("there is no room")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := p.decode(ctx, 0, path, 64, room); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without room: error %v", err)
	}
	room.Release(1)
	for range 2 {
		if err := p.decode(t.Context(), 0, path, 64, room); err != nil || p.Pixels[63] != 9 {
			t.Errorf("with room: %v, %v", err, p.Pixels)
		}
	}
}

func FuzzDecodePicture(f *testing.F) {
	m := flat(4, 3, color.RGBA{9, 200, 30, 255})
	for _, file := range [][]byte{pngOf(f, m), jpegOf(f, m), gifOf(f, m), webpFile(f), withOrientation(jpegOf(f, m), "MM", 6)} {
		f.Add(file)
	}
	dst := make([]byte, 3*5*4)
	f.Fuzz(func(t *testing.T, file []byte) {
		const most = 1 << 14
		m, err := DecodePicture(bytes.NewReader(file), most)
		if err != nil {
			if !errors.Is(err, ErrPicture) {
				t.Errorf("error %v", err)
			}
			return
		}
		if b := m.Bounds(); b.Empty() || b.Dx()*b.Dy() > most {
			t.Errorf("a picture of %v", b)
		}
		Fit(dst, m, 3, 5, 4)
		Fit(dst[:20], m, 1, 5, 4)
		if p, err := ReadPicture(bytes.NewReader(file), most); err != nil {
			t.Error(err)
		} else if _, err := p.Fitted(4, 5); err != nil {
			t.Errorf("it is decoded whole, but scaled it has the error %v", err)
		}
	})
}

func FuzzPictureRows(f *testing.F) {
	f.Add("path,label\na,b\n")
	f.Add("\xef\xbb\xbf\"a\"\"b\",c\n\n d , e \n")
	f.Fuzz(func(t *testing.T, text string) {
		_ = readRows(strings.NewReader(text), func(row []string, _ int) error {
			if len(row) == 0 || row[0] != strings.TrimSpace(row[0]) {
				t.Errorf("row %q", row)
			}
			return nil
		})
	})
}

// OpenPicture names the file in its errors, quoted where it would break the line.
func TestOpenPicture(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.png"), filepath.Join(dir, "bad\nname")
	if err := errors.Join(os.WriteFile(good, pngOf(t, flat(8, 8, grey(9))), 0o666), os.WriteFile(bad, []byte("text"), 0o666)); err != nil {
		t.Fatal(err)
	}
	if p, err := OpenPicture(good, 64); err != nil || p.W != 8 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := OpenPicture(good, 63); !errors.Is(err, ErrPicture) || !strings.Contains(err.Error(), good) {
		t.Errorf("of too many pixels: %v", err)
	}
	if _, err := OpenPicture(bad, 64); !errors.Is(err, ErrPicture) || !strings.Contains(err.Error(), `bad\nname`) {
		t.Errorf("of text: %v", err)
	}
	if _, err := OpenPicture(dir, 64); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("of a folder: %v", err)
	}
	if _, err := OpenPicture(filepath.Join(dir, "none"), 64); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
}
