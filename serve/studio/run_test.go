package studio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/ebm/watch"
	"github.com/energo-ml/energo/internal/chromium"
	"github.com/energo-ml/energo/internal/flock"
	"github.com/energo-ml/energo/job"
)

// TestRun: what the server says of one run, of its energies and of its samples.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	zoo(t, dir)
	at := startWith(t, Options{Folder: dir, Samples: zooPictures})
	runs := "/v1/studio/runs/"
	want(t, at, "GET", runs+"whole", "", 200, `"formula":"`, `"margin":1,`, `"remarks":["3 pictures are left out"]`, `"sets":[{"name":"watched","samples":60,"epochs":[0,1,2,3,4]},{"name":"test","samples":90,"epochs":[]}]`, `"report":true`)
	want(t, at, "GET", runs+"old", "", 200, `"sets":[{"name":"test","samples":90,"epochs":[]}]`, `"report":false`)
	want(t, at, "GET", runs+"stopped", "", 200, `"state":"interrupted"`, `"epochs":[0,1,2]`, `"verdict":"."`, `"all_answers":true`)
	want(t, at, "GET", runs+"sweep%2Fdamaged", "", 200, `"why":"watched.safetensors cannot be read: `, `"why":"test.safetensors cannot be read: `)
	want(t, at, "GET", runs+"pictures", "", 200, `"sheets":[{"title":"Drawn","note":"from noise","file":"drawn.png"}]`, `"plots":["map.svg"]`, `"name":"real","values":[20,"NaN"]`)
	want(t, at, "GET", runs+"none", "", 404, "there is no run")

	want(t, at, "GET", runs+"whole/energies?set=watched&epoch=4", "", 200, `"of":60`, `"names":["cat","dog","emu"]`, `"beta":1`)
	want(t, at, "GET", runs+"whole/energies?set=test", "", 200, `"of":90`)
	want(t, at, "GET", runs+"whole/energies?set=watched&epoch=5", "", 404, "no energies after epoch 5")
	want(t, at, "GET", runs+"whole/energies?set=watched", "", 422, "epoch is")
	want(t, at, "GET", runs+"whole/energies?set=test&epoch=1", "", 422, "at the end alone")
	want(t, at, "GET", runs+"whole/energies?set=training", "", 422, "want watched, test")
	want(t, at, "GET", runs+"whole/energies?sample=1", "", 400, "sample")
	want(t, at, "GET", runs+"old/energies?set=watched&epoch=1", "", 404, "no energies of watched samples")
	want(t, at, "GET", runs+"sweep%2Fdamaged/energies?set=test", "", 422, "cannot be read")

	var one sampleAnswer
	if err := json.Unmarshal([]byte(want(t, at, "GET", runs+"whole/sample?set=watched&epoch=2&sample=10", "", 200)), &one); err != nil {
		t.Fatal(err)
	}
	energies, _ := animalEnergies(60, 2)
	if one.Number != 110 || one.Label != 1 || one.Answer != 2 || len(one.Course) != 5 || float32(one.Energies[2]) != energies[32] || one.Correct != one.Energies[1] || one.Course[2].Correct != one.Correct {
		t.Errorf("sample 10 is %+v", one)
	}
	want(t, at, "GET", runs+"whole/sample?set=test&sample=89", "", 200, `"number":89`, `"course":[]`)
	want(t, at, "GET", runs+"whole/sample?set=test&sample=90", "", 422, "from 0 to 89")

	testFiles(t, at, runs)
}

// testFiles asks for pictures and files of the zoo.
func testFiles(t *testing.T, at, runs string) {
	t.Helper()
	want(t, at, "GET", runs+"whole/shown", "", 200, `{"ready":true,"texts":false}`)
	want(t, at, "GET", runs+"stopped/shown", "", 200, `{"ready":true,"texts":true}`)
	want(t, at, "GET", runs+"stopped/sample?set=watched&epoch=2&sample=7", "", 200, `"text":"size: 107\n"`)
	want(t, at, "GET", runs+"old/shown", "", 200, `"why":"the folder of the pictures is gone"`)
	for _, c := range []struct {
		path, kind string
		status     int
		want       string
	}{
		{"whole/picture?set=watched&sample=3", "image/png", 200, "\x89PNG"},
		{"whole/picture?set=test&sample=89", "image/png", 200, "\x89PNG"},
		{"whole/picture?set=test&sample=90", "", 422, "from 0 to 89"},
		{"whole/picture?set=all&sample=0", "", 422, "want watched, test"},
		{"old/picture?set=test&sample=0", "", 404, "is gone"},
		{"pictures/picture?set=test&sample=0", "", 404, "no energies"},
		{"pictures/plots/drawn.png", "image/png", 200, "\x89PNG"},
		{"pictures/plots/map.svg", "image/svg+xml", 200, "<svg"},
		{"pictures/plots/other.svg", "", 404, "has no plots/other.svg"},
		{"pictures/plots/sheets.json", "", 404, "no picture"},
		{"pictures/plots/..%2Fconfig.yaml", "", 404, "no picture"},
		{"whole/report", "text/html; charset=utf-8", 200, "the page"},
		{"old/report", "", 404, "has no report.html"},
	} {
		r, err := http.Get(at + runs + c.path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		status, text := ask(t, "GET", at+runs+c.path, "")
		if status != c.status || !strings.Contains(text, c.want) || c.kind != "" && r.Header.Get("Content-Type") != c.kind {
			t.Errorf("%s: status %d, %s, %.300q; want %d, %s, %q", c.path, status, r.Header.Get("Content-Type"), text, c.status, c.kind, c.want)
		}
		if policy := r.Header.Get("Content-Security-Policy"); c.kind != "" && !strings.Contains(c.path, "/picture?") && !strings.Contains(policy, "sandbox") {
			t.Errorf("%s: the policy is %q", c.path, policy)
		}
	}
}

// TestShownLater: samples that take long to be read are said to be, and no request waits for them; the server ends what is being read.
func TestShownLater(t *testing.T) {
	dir := t.TempDir()
	zoo(t, dir)
	free, ended := make(chan bool), make(chan bool, 1)
	at := startWith(t, Options{Folder: dir, Samples: func(ctx context.Context, dir string) (*job.Shown, error) {
		if filepath.Base(dir) != "whole" {
			<-ctx.Done()
			ended <- true
			return nil, ctx.Err()
		}
		<-free
		return zooPictures(ctx, dir)
	}})
	want(t, at, "GET", "/v1/studio/runs/whole/picture?set=test&sample=0", "", 503, "being read")
	want(t, at, "GET", "/v1/studio/runs/stopped/picture?set=watched&sample=0", "", 503, "being read")
	close(free)
	want(t, at, "GET", "/v1/studio/runs/whole/shown", "", 200, `{"ready":true,"texts":false}`)
	t.Cleanup(func() {
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Error("the reading was not ended")
		}
	})
}

// TestHold: what was asked for last stays within the bound, a file that has changed is read again, and one that could not be read, too.
func TestHold(t *testing.T) {
	h, reads := hold[int]{most: 25}, 0
	get := func(path string, size int64, fail error) (int, error) {
		return h.get(t.Context(), t.Context(), path, fileStamp{size: size}, func(context.Context) (int, int64, error) { reads++; return reads, 10, fail })
	}
	for _, c := range []struct {
		path string
		size int64
		fail error
		want int
	}{{"a", 1, nil, 1}, {"a", 1, nil, 1}, {"a", 2, nil, 2}, {"b", 1, nil, 3}, {"a", 2, nil, 2}, {"c", 1, nil, 4}, {"a", 2, nil, 2}, {"b", 1, nil, 5}, {"d", 1, errors.New("no"), 0}, {"d", 1, nil, 7}} {
		v, err := get(c.path, c.size, c.fail)
		if !errors.Is(err, c.fail) || err == nil && v != c.want {
			t.Errorf("%s: %d, %v; want %d, %v", c.path, v, err, c.want, c.fail)
		}
	}
	if h.bytes > 25 || len(h.kept) != 2 {
		t.Errorf("%d bytes of %d files are kept", h.bytes, len(h.kept))
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	never := make(chan bool)
	if _, err := h.get(ended, t.Context(), "e", fileStamp{}, func(context.Context) (int, int64, error) { <-never; return 0, 0, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("without patience: %v", err)
	}
	close(never)
	h.close()
}

func TestFreeEnergy(t *testing.T) {
	for _, c := range []struct {
		row        []float64
		beta, want float64
	}{{[]float64{0, 0}, 1, -math.Ln2}, {[]float64{1000, 1001}, 1e6, 1000}, {[]float64{1, math.Inf(1)}, 2, 1}, {[]float64{math.Inf(-1), 0}, 1, math.Inf(-1)}} {
		if got := freeEnergy(c.row, c.beta); got != c.want {
			t.Errorf("%v at β = %v: %v, want %v", c.row, c.beta, got, c.want)
		}
	}
	if got := freeEnergy([]float64{math.NaN(), 0}, 1); got == got {
		t.Errorf("NaN gives %v", got)
	}
}

const where = "document.querySelector('#view-run .where').textContent"

// TestRunView: a run is moved along its epochs, its bars, cells and dots are pressed, and it is followed while it grows.
func TestRunView(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	zoo(t, dir)
	at := startWith(t, Options{Folder: dir, Samples: zooPictures})
	b := chromium.Open(t, at+"/#/run/whole")
	b.Await("document.querySelector('#view-run h2.name')?.textContent", "whole")
	b.Await(where, "after epoch 4 · 10 % wrong")
	b.Await("document.querySelectorAll('#view-run .shot img').length", "24")
	b.Await("document.querySelector('.chart canvas') !== null", "true")
	shots(t, b, "run")

	// Along the epochs, by the slider and by the address; every state is in it.
	b.Eval("(() => { const s = document.querySelector('#view-run .scrub'); s.value = 0; s.dispatchEvent(new Event('input')) })()")
	b.Await(where+".startsWith('before training')", "true")
	b.Await("location.hash", "#/run/whole?epoch=0")
	b.Eval("location.hash = '#/run/whole?epoch=2'")
	b.Await(where, "after epoch 2 · 10 % wrong")
	b.Await("[...document.querySelectorAll('.confusion text.right')].map(t => t.textContent).join()", "18,18,18")

	// A cell, a bar and a dot are pressed.
	b.Eval("document.querySelector('[data-cell=\"0-1\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
	b.Await("document.querySelector('#view-run .chosen h2').textContent", "cat, answered dog: 2")
	b.Await("location.hash.includes('list=cell%3A0%3A1')", "true")
	b.Eval("document.querySelector('#view-run .shot').click()")
	b.Await("document.querySelector('.sample-body h2')?.textContent", "Sample 30")
	b.Await("document.querySelectorAll('.bars tr').length + ' ' + document.querySelector('.bars tr.right').textContent.includes('correct')", "3 true")
	b.Await("document.querySelector('.course') !== null && document.querySelector('.large img').naturalWidth", "8")
	shots(t, b, "run-sample")
	b.Eval("[...document.querySelectorAll('[data-bar^=gap]')].find(e => /^[1-9]/.test(e.getAttribute('aria-label'))).dispatchEvent(new MouseEvent('click', {bubbles: true}))")
	b.Await("document.querySelector('#view-run .chosen h2').textContent.startsWith('a gap from -')", "true")
	b.Eval("document.querySelector('#view-run .square canvas').focus()")
	b.Key("ArrowRight", 39, "")
	b.Await("document.querySelector('.sample-body h2')?.textContent !== 'Sample 30'", "true")
	b.Eval("document.querySelector('[data-cell=\"0-0\"]').focus()")
	b.Await("document.getElementById('tip').textContent", "18 samples of cat answered right (90 %)")
	b.Key("ArrowRight", 39, "")
	b.Await("document.activeElement.dataset.cell", "0-1")

	// Played, it ends behind the last epoch.
	b.Eval("location.hash = '#/run/whole?epoch=3&y=free'")
	b.Await(where, "after epoch 3 · 10 % wrong")
	b.Eval("document.querySelector('#view-run .main').click()")
	b.Await(where, "after epoch 4 · 10 % wrong")
	b.Await("location.hash + document.querySelector('#view-run .main').textContent", "#/run/whole?y=freePlay")
	b.Eval("(() => { const s = document.querySelector('#view-run .scrubber select'); s.value = 'test'; s.dispatchEvent(new Event('change')) })()")
	b.Await(where, "at the end · 10 % wrong")

	testNote(t, b, dir)
	testOthers(t, b)
	testFollowed(t, b, dir)
	checkQuiet(t, b, at)
}

// testNote keeps a note and tags.
func testNote(t *testing.T, b *chromium.Browser, dir string) {
	t.Helper()
	b.Eval("document.querySelectorAll('#view-run details').forEach(d => d.open = true)")
	b.Eval("document.getElementById('run-note').value = 'the power failed'; document.getElementById('run-tags').value = 'again, again, power'; document.querySelector('.notes button').click()")
	b.Await("document.querySelector('.notes [role=status]').textContent", "Kept.")
	b.Await("document.querySelector('#view-run .note').textContent + document.querySelectorAll('#view-run .badge').length", "the power failed3")
	if text, err := os.ReadFile(filepath.Join(dir, "whole", notesFile)); err != nil || !strings.Contains(string(text), "the power failed") {
		t.Errorf("the note is %q, %v", text, err)
	}
	checkAccess(t, b)
}

// testOthers looks at runs that have less.
func testOthers(t *testing.T, b *chromium.Browser) {
	t.Helper()
	b.Eval("location.hash = '#/run/old'")
	b.Await(where, "at the end · 10 % wrong")
	b.Await("document.getElementById('view-run').textContent.includes('kept no energies along training')", "true")
	b.Await("document.querySelector('.scrubber [role=status]').textContent", "The samples are not shown: the folder of the pictures is gone.")
	b.Eval("location.hash = '#/run/sweep/damaged'")
	b.Await("document.getElementById('view-run').textContent.includes('watched.safetensors cannot be read')", "true")
	b.Eval("location.hash = '#/run/pictures'")
	b.Await("document.querySelector('.sheet img')?.naturalWidth > 0", "true")
	b.Await("document.querySelector('.alarm').textContent", "Collapse: The energies are flat.")
	b.Await("document.querySelectorAll('.rest tbody tr').length", "2")
	shots(t, b, "run-pictures")
}

// testFollowed sees a run move that another process writes.
func testFollowed(t *testing.T, b *chromium.Browser, dir string) {
	t.Helper()
	run := filepath.Join(dir, "stopped")
	lock, err := flock.Folder(run)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	b.Eval("location.hash = '#/run/stopped'")
	b.Await(where, "after epoch 2 · 10 % wrong")
	writeWatched(t, run, 3)
	log, err := os.OpenFile(filepath.Join(run, "events.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if _, err := log.WriteString(epochLine(3, 30, time.Now(), 0.5, 0.1, 3)); err != nil {
		t.Fatal(err)
	}
	b.Await(where, "after epoch 3 · 10 % wrong")
	b.Eval("document.querySelector('#view-run .shot').click()")
	b.Await("document.querySelector('.sample-text')?.textContent.startsWith('size: 1')", "true")
	b.Eval("location.hash = '#/run/stopped'")
	b.Await("document.querySelector('#view-run .badge').textContent", "running")
	if _, err := watch.Read(run); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(b.Eval("location.hash")); got != "#/run/stopped" {
		t.Errorf("a run that is followed has the address %s", got)
	}
}
