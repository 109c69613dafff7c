package studio

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/chromium"
)

// shot is a picture of an element of the page, or of the whole window where the script of the element is "".
func shot(t *testing.T, b *chromium.Browser, element string) *image.RGBA {
	t.Helper()
	params := map[string]any{"format": "png"}
	if element != "" {
		var box struct{ X, Y, Width, Height, Scale float64 }
		(&student{Browser: b, t: t}).read("(({x, y, width, height}) => ({x: x + scrollX, y: y + scrollY, width, height, scale: 1}))("+element+".getBoundingClientRect())", &box)
		params["clip"] = map[string]float64{"x": box.X, "y": box.Y, "width": box.Width, "height": box.Height, "scale": 1}
	}
	var r struct{ Data string }
	b.Call("Page.captureScreenshot", params, &r)
	text, err := base64.StdEncoding.DecodeString(r.Data)
	if err != nil {
		t.Fatal(err)
	}
	p, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewRGBA(image.Rect(0, 0, p.Bounds().Dx(), p.Bounds().Dy()))
	draw.Draw(out, out.Bounds(), p, p.Bounds().Min, draw.Src)
	return out
}

// keep writes a picture as PNG with a palette.
func keep(t *testing.T, path string, p *image.RGBA) {
	t.Helper()
	var file bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&file, paletted(p, paletteOf([]*image.RGBA{p}, 256), map[[3]int]uint8{})); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %v, %d bytes", filepath.Base(path), p.Bounds().Size(), file.Len())
}

// keepFilm writes frames as a GIF, each a number of hundredths of a second. A frame has what is new in it, and is otherwise clear.
func keepFilm(t *testing.T, path string, frames []*image.RGBA, hundredths []int) {
	t.Helper()
	palette := append(paletteOf(frames, 255), color.RGBA{})
	near, film := map[[3]int]uint8{}, &gif.GIF{Delay: hundredths}
	var before *image.Paletted
	for i, f := range frames {
		if f.Bounds() != frames[0].Bounds() {
			t.Fatalf("frame %d has %v, the first %v", i, f.Bounds(), frames[0].Bounds())
		}
		now := paletted(f, palette[:len(palette)-1], near)
		now.Palette = palette
		fresh := image.NewPaletted(now.Bounds(), palette)
		copy(fresh.Pix, now.Pix)
		for i := range fresh.Pix {
			if before != nil && before.Pix[i] == now.Pix[i] {
				fresh.Pix[i] = uint8(len(palette) - 1)
			}
		}
		film.Image, film.Disposal = append(film.Image, fresh), append(film.Disposal, gif.DisposalNone)
		before = now
	}
	film.Config = image.Config{ColorModel: palette, Width: frames[0].Bounds().Dx(), Height: frames[0].Bounds().Dy()}
	var file bytes.Buffer
	if err := gif.EncodeAll(&file, film); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d frames of %v, %d bytes", filepath.Base(path), len(frames), frames[0].Bounds().Size(), file.Len())
}

// TestPictures makes the pictures and the film of README.md of a studio over the runs that scripts/studio_pictures.sh trains, and starts it on.
func TestPictures(t *testing.T) {
	to, at := os.Getenv("ENERGO_PICTURES"), strings.TrimSuffix(os.Getenv("ENERGO_STUDIO"), "/")
	if !*long || to == "" || at == "" {
		t.Skip("it needs -long, the folder ENERGO_PICTURES, and ENERGO_STUDIO, the address of a studio: scripts/studio_pictures.sh")
	}
	for _, p := range []struct {
		name, address string
		colours       string
		height        int
		ready         string // a script
	}{
		{"studio-run", "run/digits", "light", 1180, "document.querySelectorAll('#view-run [data-bar]').length > 10 && !document.getElementById('view-run').innerText.includes('being read')"},
		{"studio-losses", "losses?l=ebm.hinge&along=difference", "light", 810, "document.querySelectorAll('#view-losses .graph .value').length === 1"},
		{"studio-surface", "surface?run=square-square&with=energy-loss&solid=1", "dark", 760, "document.querySelectorAll('#view-surface .figures').length === 2"},
	} {
		t.Run(p.name, func(t *testing.T) {
			b := chromium.Open(t, "about:blank")
			appearance{p.colours, 1300}.set(b)
			b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 1300, "height": p.height, "deviceScaleFactor": 1, "mobile": false}, nil)
			b.Call("Page.navigate", map[string]any{"url": at + "/#/" + p.address}, nil)
			b.Await(p.ready, "true")
			settle(b)
			keep(t, filepath.Join(to, p.name+".png"), shot(t, b, ""))
		})
	}
	t.Run("film", func(t *testing.T) { filmCollapse(t, at, filepath.Join(to, "studio-collapse.gif")) })
}

// chooses has a select of Train here change.
func chooses(b *chromium.Browser, label, value string) {
	b.Eval(fmt.Sprintf("(() => { const s = [...document.querySelectorAll('#view-lesson select')].find(s => s.ariaLabel === %q); s.value = %q; s.dispatchEvent(new Event('change')); })()", label, value))
}

// filmCollapse films two branches that collapse under the energy loss, and are cured.
func filmCollapse(t *testing.T, at, path string) {
	b := chromium.Open(t, "about:blank")
	b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 900, "height": 900, "deviceScaleFactor": 1, "mobile": false}, nil)
	b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "light"}}}, nil)
	b.Call("Page.navigate", map[string]any{"url": at + "/#/lesson?set=parabola&energy=codes&f=energy&decay=0.014"}, nil)
	const step = "Number(/step ([0-9,]+)/.exec(document.querySelector('#view-lesson .figures')?.textContent || '')?.[1].replaceAll(',', '') ?? -1)"
	b.Await(step, "0")
	b.Eval("document.querySelector('#view-lesson .saves').hidden = true; document.querySelector('#view-lesson .panes').style.width = '470px'; Object.assign(document.querySelector('#view-lesson .verdict').style, {height: '5.8em', overflow: 'hidden'}); Object.assign(document.querySelector('#view-lesson .figures').style, {whiteSpace: 'nowrap', overflow: 'hidden'}); new Promise((done) => setTimeout(done, 300))")
	var frames []*image.RGBA
	var hundredths []int
	steps := 0
	train := func(times, by int) {
		chooses(b, "Speed", fmt.Sprint(by))
		for range times {
			steps += by
			b.Click("[...document.querySelectorAll('#view-lesson button')].find(e => e.textContent === 'Step')")
			b.Await(step, fmt.Sprint(steps))
			frames, hundredths = append(frames, shot(t, b, "document.querySelector('#view-lesson .pane')")), append(hundredths, 10)
		}
	}
	train(1, 1)
	hundredths[0] = 60
	train(12, 10)
	train(12, 100)
	hundredths[len(hundredths)-1] = 160
	if got := b.Eval(collapsed); got != "true" {
		t.Errorf("the surface is not flat after %d steps", steps)
	}
	b.Eval("location.hash = location.hash.replace('f=energy', 'f=nll').replace('decay=0.014', 'decay=0.002')")
	b.Await("document.querySelector('#view-lesson .pane h2').textContent", "nll")
	train(20, 10)
	train(8, 100)
	hundredths[len(hundredths)-1] = 250
	keepFilm(t, path, frames, hundredths)
}
