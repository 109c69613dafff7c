package studio

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/internal/chromium"
)

// writeFilm writes a run with a surface that goes flat.
func writeFilm(t *testing.T, folder, name string) {
	t.Helper()
	fixture{name: name, lr: 0.1, functional: "nll", epochs: 1, steps: 2}.write(t, folder)
	f := surface.Film{Name: "surface", Title: "a bowl", XLabel: "x", YLabel: "y", OverY: true, Margin: 1, X: []float64{-1, 0, 1}, Y: []float64{0, 1, 2, 3}, Data: [][2]float64{{0, 1}}}
	for k := range 5 {
		frame := surface.Frame{Step: 10 * k, Points: [][2]float64{{0, 2}}, Correct: []float32{0}, Other: []float32{float32(4 - k)}}
		for range f.X {
			for _, y := range f.Y {
				frame.Energy = append(frame.Energy, float32((y-1)*(y-1)*float64(4-k)))
			}
		}
		f.Frames = append(f.Frames, frame)
	}
	if err := surface.Write(filepath.Join(folder, filepath.FromSlash(name)), []surface.Film{f}); err != nil {
		t.Fatal(err)
	}
}

// TestSurfaces: the surfaces of runs, frame by frame, and chains on them.
func TestSurfaces(t *testing.T) {
	dir := t.TempDir()
	writeFilm(t, dir, "bowl")
	fixture{name: "plain", lr: 0.1, functional: "nll", epochs: 1, steps: 2}.write(t, dir)
	at := start(t, dir) + "/v1/studio/surfaces"
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "", "", 200, `{"runs":["bowl"]}`},
		{"GET", "/bowl", "", 200, `"steps":[0,10,20,30,40],"alarm":"The surface has gone flat`},
		{"GET", "/bowl/frame?film=surface&frame=4", "", 200, `"kept":0,`},
		{"GET", "/bowl/frame?film=surface&frame=5", "", 422, "from 0 to 4"},
		{"GET", "/bowl/frame?film=other&frame=0", "", 404, "no surface"},
		{"GET", "/bowl/frame?film=surface&frame=0&more=1", "", 400, "more"},
		{"GET", "/plain", "", 404, "has no surfaces"},
		{"GET", "/..%2Fbowl", "", 404, "no run"},
		{"POST", "/bowl/drift", `{"film":"surface","frame":0,"moves":2,"chains":{"sampler":"descent","size":0.01,"beta":1,"seed":1},"start":[[0.5,2]]}`, 200, `{"places":[[[0.5,1.`},
		{"POST", "/bowl/drift", `{"film":"surface","frame":0,"moves":2,"chains":{"sampler":"descent","size":0.01,"beta":1,"seed":1},"start":[]}`, 422, "places has 0"},
		{"POST", "/bowl/drift", `{"film":"surface","frame":0,"moves":200000,"start":[[0,0]]}`, 422, "moves is 200000"},
	} {
		if status, text := asked(t, c.method, at+c.path, c.body); status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s %s: %d %s; want %d %s", c.method, c.path, status, text, c.status, c.want)
		}
	}
}

// TestSurfaceView: training is scrubbed and played, two runs in lockstep, chains started.
func TestSurfaceView(t *testing.T) {
	dir := t.TempDir()
	writeFilm(t, dir, "bowl")
	writeFilm(t, dir, "sweep/other")
	at := start(t, dir)
	b := chromium.Open(t, at+"/#/surface?with=sweep%2Fother")
	figures := "[...document.querySelectorAll('.figures')].map(e => e.textContent.split(' · ')[0]).join()"
	b.Await(figures, "step 40,step 40")
	b.Await("document.querySelector('.verdict').textContent.startsWith('The surface has gone flat')", "true")
	b.Eval("(() => { const s = document.querySelector('.scrub'); s.value = 500; s.dispatchEvent(new Event('input')) })()")
	b.Await(figures, "step 20,step 20")
	b.Await("location.hash.includes('at=0.5')", "true")
	checkAccess(t, b)
	b.Shot("surface")
	b.Eval("document.querySelector('#view-surface .main').click()")
	b.Await(figures, "step 30,step 30")
	b.Await(figures, "step 40,step 40")
	b.Eval("(() => { const c = document.querySelector('.plane canvas'), r = c.getBoundingClientRect(); c.dispatchEvent(new MouseEvent('click', {clientX: r.left + r.width / 2, clientY: r.top + r.height / 3})) })()")
	b.Eval("location.hash = '#/surface?solid=1&density=1'")
	b.Await("document.querySelectorAll('.pane').length", "1")
	b.Shot("surface-3d")
	checkQuiet(t, b, at)
}
