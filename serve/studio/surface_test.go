package studio

import (
	"bufio"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/internal/chromium"
	"github.com/energo-ml/energo/internal/flock"
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
		{"GET", "/bowl", "", 200, `"steps":[0,10,20,30,40],"of":5,"alarm":"The surface has gone flat`},
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

// aReel is a film of a bowl that becomes flatter, of 5 frames: growing writes its next.
func aReel() *surface.Reel {
	film := surface.Film{
		Name: "surface", Title: "a bowl", XLabel: "x", YLabel: "y", OverY: true, Margin: 1, X: []float64{-1, 0, 1}, Y: []float64{0, 1, 2, 3},
		Data: [][2]float64{{-1, 1}, {0, 1}, {1, 1}}, Search: &surface.Search{How: "the lowest of 4 answers outside a ball around the right one", Answers: []float64{0, 1, 2, 3}, Ball: 0.5},
	}
	return surface.NewReel(film, surface.Layout{Points: 1, Pairs: 3, Down: 3, Rivals: 3, Epochs: 4, Steps: 10})
}

func grow(t *testing.T, r *surface.Reel, dir string) {
	t.Helper()
	tall := float64(4 - r.Frames())
	f := surface.Frame{
		Points: [][2]float64{{0, 2}}, Correct: []float32{0, 0, 0}, Other: []float32{1, 2, 3},
		Down: []float32{0.25, 0.125, 0.0625}, Rivals: [][2]float64{{-1, 2}, {0, 2}, {1, 0}}, Up: []float32{-0.25, -0.125, -0.0625},
	}
	for range r.Film.X {
		for _, y := range r.Film.Y {
			f.Energy = append(f.Energy, float32((y-1)*(y-1)*tall))
		}
	}
	r.Take(f)
	if err := r.Show(dir); err != nil {
		t.Fatal(err)
	}
}

// under has a run of a fixture be under way until it is released.
func under(t *testing.T, folder, name string) *flock.Lock {
	t.Helper()
	fixture{name: name, lr: 0.1, functional: "nll", epochs: 1, steps: 2}.write(t, folder)
	lock, err := flock.Folder(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lock.Release)
	return lock
}

// TestSurfaceChanges: a client is told of runs that come to have surfaces, of each new frame, and of the end.
func TestSurfaceChanges(t *testing.T) {
	dir := t.TempDir()
	lock := under(t, dir, "live")
	at := start(t, dir) + "/v1/studio/changes/surfaces"
	if status, text := asked(t, "GET", at+"?run=a&run=b&run=c&run=d&run=e", ""); status != 422 || !strings.Contains(text, "at most 4") {
		t.Errorf("%d %s", status, text)
	}
	if status, text := asked(t, "GET", at+"?film=a", ""); status != 400 {
		t.Errorf("%d %s", status, text)
	}
	answer, err := http.Get(at + "?run=live&run=none")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	events := bufio.NewScanner(answer.Body)
	await := func(want ...string) {
		t.Helper()
		for _, w := range want {
			for events.Scan() && !strings.Contains(events.Text(), w) {
			}
			if !strings.Contains(events.Text(), w) {
				t.Fatalf("no event has %s: %v", w, events.Err())
			}
		}
	}
	await(`{"runs":[]}`, `"run":"live","why":"the run has no surfaces`, `"run":"none","why":"there is no run`)
	r := aReel()
	grow(t, r, filepath.Join(dir, "live"))
	await(`"steps":[0],"of":5}],"live":true`)
	grow(t, r, filepath.Join(dir, "live"))
	await(`"steps":[0,10],"of":5}],"live":true`)
	for range 3 {
		grow(t, r, filepath.Join(dir, "live"))
	}
	await(`"steps":[0,10,20,30,40],"of":5,"alarm":"The surface has gone flat`)
	write(t, filepath.Join(dir, "live", "events.jsonl"), strings.Replace(epochLine(1, 2, time.Now(), 1, 0.5, 1), `"collapsed":false`, `"collapsed":true,"why":"The energies are flat."`, 1))
	await(`"live":true,"collapsed":"The energies are flat."`)
	lock.Release()
	await(`"live":false`)
	if err := surface.Write(filepath.Join(dir, "live"), []surface.Film{r.Taken()}); err != nil {
		t.Fatal(err)
	}
	status, text := asked(t, "GET", strings.Replace(at, "changes/surfaces", "surfaces/live/frame?film=surface&frame=4", 1), "")
	if status != 200 || !strings.Contains(text, `"down":"AACAPgAAAD4AAIA9","energy"`) || !strings.Contains(text, `"alarm":"The surface has gone flat`) {
		t.Errorf("the last frame: %d %s", status, text)
	}
}

// TestLiveSurface: the page begins before the run has a frame, shows each that comes while it is at the newest, and stays where it was scrubbed to;
// a sample that is pointed at tells its Ȳ and how that was found.
func TestLiveSurface(t *testing.T) {
	dir := t.TempDir()
	lock := under(t, dir, "live")
	at := start(t, dir)
	b := chromium.Open(t, at+"/#/surface?run=live")
	b.Await("document.querySelector('.verdict')?.textContent.startsWith('the run has no surfaces')", "true")
	r := aReel()
	grow(t, r, filepath.Join(dir, "live"))
	figures := "document.querySelector('.figures').textContent"
	b.Await(figures+".includes('step 0 ') && "+figures+".includes('frame 1 of 5, more to come')", "true")
	b.Await("document.querySelector('.newest').getAttribute('aria-pressed')", "true")
	grow(t, r, filepath.Join(dir, "live"))
	b.Await(figures+".includes('step 10 ')", "true")
	b.Await("document.querySelector('.scrub').value", "250")
	b.Eval("(() => { const s = document.querySelector('.scrub'); s.value = 0; s.dispatchEvent(new Event('input')) })()")
	b.Await(figures+".includes('step 0 ')", "true")
	grow(t, r, filepath.Join(dir, "live"))
	b.Await("document.querySelector('.reached').style.width", "50%")
	b.Await(figures+".includes('step 0 ') && location.hash.includes('at=0')", "true")
	b.Eval("document.querySelector('.newest').click()")
	b.Await(figures+".includes('step 20 ') && !location.hash.includes('at=')", "true")
	b.Eval("document.querySelector('.plane canvas').focus()")
	b.Key("ArrowRight", 39, "")
	b.Key("ArrowRight", 39, "")
	b.Await("document.getElementById('tip')?.textContent", "x 0, right answer 1: E⁺ 0, ∂L/∂E 0.125, pushed downȲ 2: E 2, ∂L/∂E -0.125, pushed upȲ is the lowest of 4 answers outside a ball around the right one")
	shots(t, b, "surface-live")
	b.Eval("location.hash = '#/surface?run=live&solid=1'")
	b.Await("document.querySelector('.plane canvas').getAttribute('aria-label').includes('arrow keys')", "true")
	b.Shot("surface-live-3d")
	grow(t, r, filepath.Join(dir, "live"))
	grow(t, r, filepath.Join(dir, "live"))
	b.Await(figures+".includes('step 40 ')", "true")
	b.Await("document.querySelector('.verdict.bad').textContent.startsWith('The surface has gone flat')", "true")
	if err := surface.Write(filepath.Join(dir, "live"), []surface.Film{r.Taken()}); err != nil {
		t.Fatal(err)
	}
	lock.Release()
	b.Await("document.querySelector('.newest').hidden", "true")
	checkQuiet(t, b, at)
}

// TestLiveLockstep: two runs under way are shown as far as the slower one is, and beside one that has ended.
func TestLiveLockstep(t *testing.T) {
	dir := t.TempDir()
	under(t, dir, "fast")
	under(t, dir, "slow")
	fast, slow := aReel(), aReel()
	for range 3 {
		grow(t, fast, filepath.Join(dir, "fast"))
	}
	grow(t, slow, filepath.Join(dir, "slow"))
	at := start(t, dir)
	b := chromium.Open(t, at+"/#/surface?run=fast&with=slow")
	figures := "[...document.querySelectorAll('.figures')].map(e => e.textContent.split(' · ')[0]).join()"
	b.Await(figures, "step 0,step 0")
	grow(t, slow, filepath.Join(dir, "slow"))
	b.Await(figures, "step 10,step 10")
	writeFilm(t, dir, "ended")
	b.Await("[...document.querySelectorAll('option')].some(o => o.value === 'ended')", "true")
	b.Eval("location.hash = '#/surface?run=ended&with=fast'")
	b.Await(figures, "step 20,step 20")
	grow(t, fast, filepath.Join(dir, "fast"))
	b.Await(figures, "step 30,step 30")
	checkQuiet(t, b, at)
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
