package studio

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/energo-ml/energo/internal/chromium"
)

// saved waits for a file that the page saves, and reads it.
func saved(t *testing.T, dir, pattern string) []byte {
	t.Helper()
	for range 500 {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 1 {
			if text, err := os.ReadFile(files[0]); err == nil && len(text) > 0 {
				return text
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("nothing was saved as %s", pattern)
	return nil
}

// TestFilms: a surface that is trained is saved as GIF and as WebM; the frames of the GIF are the surface's, in its colours.
func TestFilms(t *testing.T) {
	at := start(t, t.TempDir())
	dir := t.TempDir()
	b := chromium.Open(t, at+"/#/lesson?set=parabola&energy=codes&f=nll&play=1")
	b.Call("Browser.setDownloadBehavior", map[string]any{"behavior": "allow", "downloadPath": dir}, nil)
	steps := func(n string) {
		t.Helper()
		b.Await("Number(/step ([0-9,]+)/.exec(document.querySelector('.figures')?.textContent || '')?.[1].replaceAll(',', '') || 0) > "+n, "true")
	}
	steps("20")
	b.Click(link("GIF"))
	b.Await(link("GIF")+".getAttribute('aria-pressed')", "true")
	steps("200")
	b.Click(link("Pause"))
	b.Await(link("GIF")+".ariaPressed + document.querySelector('#view-lesson .main').textContent", "trueTrain")
	b.Eval("new Promise((done) => setTimeout(done, 300))")
	b.Click(link("GIF"))
	b.Await(link("GIF")+".getAttribute('aria-pressed')", "false")
	film, err := gif.DecodeAll(bytes.NewReader(saved(t, dir, "*.gif")))
	if err != nil {
		t.Fatal(err)
	}
	if len(film.Image) < 3 || film.Config.Width > 480 || film.LoopCount != 0 {
		t.Fatalf("%d frames, %d pixels wide, %d loops", len(film.Image), film.Config.Width, film.LoopCount)
	}
	sheet := image.NewRGBA(image.Rect(0, 0, film.Config.Width, film.Config.Height))
	hundredths, before := 0, []byte(nil)
	for i, frame := range film.Image {
		draw.Draw(sheet, frame.Bounds(), frame, frame.Bounds().Min, draw.Over)
		hundredths += film.Delay[i]
		if bytes.Equal(sheet.Pix, before) {
			t.Errorf("frame %d is as the one before", i)
		}
		before = bytes.Clone(sheet.Pix)
	}
	if hundredths < 20 {
		t.Errorf("the film has %d hundredths of a second", hundredths)
	}
	last, err := png.Decode(base64.NewDecoder(base64.StdEncoding, bytes.NewReader([]byte(b.Eval(`(() => {
		const from = document.querySelector(".plane canvas"), to = document.createElement("canvas"), scale = 480 / from.width;
		[to.width, to.height] = [480, Math.round(from.height * scale)];
		const c = to.getContext("2d", { willReadFrequently: true });
		c.fillStyle = getComputedStyle(document.body).backgroundColor;
		c.fillRect(0, 0, to.width, to.height);
		c.drawImage(from, 0, 0, to.width, to.height);
		return to.toDataURL("image/png").split(",")[1];
	})()`)))))
	if err != nil {
		t.Fatal(err)
	}
	if last.Bounds() != sheet.Bounds() {
		t.Fatalf("the film has %v, the canvas %v", sheet.Bounds(), last.Bounds())
	}
	if off := unlike(last, sheet); off > 5 {
		t.Errorf("the film's last frame is %.2f of 255 off the canvas", off)
	} else {
		t.Logf("%d frames, %.2f of 255 off", len(film.Image), off)
	}

	b.Click("document.querySelector('#view-lesson .main')")
	b.Click("[...document.querySelectorAll('#view button')].find(e => e.textContent === 'WebM')")
	steps("300")
	b.Click("[...document.querySelectorAll('#view button')].find(e => e.textContent === 'WebM')")
	if text := saved(t, dir, "*.webm"); !bytes.HasPrefix(text, []byte{0x1a, 0x45, 0xdf, 0xa3}) || len(text) < 1000 {
		t.Errorf("%d bytes that begin with %x are no WebM", len(text), text[:min(8, len(text))])
	}
	checkQuiet(t, b, at)
}

// unlike is the root of the mean square of what two pictures differ in, of 255.
func unlike(a, b image.Image) float64 {
	sum, n := 0.0, 0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			p, q := color.RGBAModel.Convert(a.At(x, y)).(color.RGBA), color.RGBAModel.Convert(b.At(x, y)).(color.RGBA)
			for _, d := range []float64{float64(p.R) - float64(q.R), float64(p.G) - float64(q.G), float64(p.B) - float64(q.B)} {
				sum, n = sum+d*d, n+1
			}
		}
	}
	return math.Sqrt(sum / float64(n))
}
