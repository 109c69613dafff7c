package studio

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/energo-ml/energo/internal/chromium"
	"github.com/energo-ml/energo/internal/flock"
	"github.com/energo-ml/energo/serve"
)

// start serves the studio of a folder, and returns its address.
func start(t testing.TB, folder string) string {
	t.Helper()
	return startWith(t, Options{Folder: folder})
}

// startWith serves a studio, and returns its address.
func startWith(t testing.TB, o Options) string {
	t.Helper()
	s, err := serve.New(t.Context(), serve.Options{})
	if err == nil {
		err = Mount(s, o)
	}
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(t.Context(), l) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// checkQuiet refuses errors that the page had, and requests to elsewhere.
func checkQuiet(t *testing.T, b *chromium.Browser, at string) {
	t.Helper()
	for _, e := range b.Errors {
		t.Errorf("the page had an error: %s", e)
	}
	if got := b.Eval(fmt.Sprintf("performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(%q) && !n.startsWith('blob:') && !n.startsWith('data:')).join()", at)); got != "" {
		t.Errorf("the page asked elsewhere: %s", got)
	}
}

// axe is the checker of accessibility, where npm has installed it in lib.
const axe = "lib/node_modules/axe-core/axe.min.js"

// checkAccess refuses what axe-core finds wrong with what is shown now.
func checkAccess(t *testing.T, b *chromium.Browser) {
	t.Helper()
	text, err := os.ReadFile(axe)
	if err != nil {
		if chromium.Needed("axe") {
			t.Fatal(err)
		}
		t.Logf("accessibility is not checked: %v (npm ci in lib)", err)
		return
	}
	b.Eval(string(text) + ";0")
	got := b.Eval(`axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.target + " " + n.failureSummary).join("; ")).join("\n"))`)
	if got != "" {
		t.Errorf("accessibility: %s", got)
	}
}

// appearance is a width of the window and a theme.
type appearance struct {
	colours string
	width   int
}

// looks are those that the page is made for.
var looks = []appearance{{"dark", 400}, {"light", 1300}, {"light", 400}, {"dark", 1300}}

// set has the window in a width and the page in a theme.
func (l appearance) set(b *chromium.Browser) {
	b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": l.colours}}}, nil)
	b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": l.width, "height": 1000, "deviceScaleFactor": 1, "mobile": false}, nil)
	b.Eval("new Promise((done) => setTimeout(done, 150))")
}

// shots shows the page wide and narrow, light and dark, and checks accessibility; in all four combinations where a folder for pictures is named.
func shots(t *testing.T, b *chromium.Browser, name string) {
	t.Helper()
	some := looks[:2]
	if os.Getenv("ENERGO_SHOTS") != "" {
		some = looks
	}
	for _, l := range some {
		l.set(b)
		b.Await("document.documentElement.scrollWidth <= innerWidth", "true")
		checkAccess(t, b)
		b.Shot(fmt.Sprintf("%s-%s-%d", name, l.colours, l.width))
	}
}

const (
	status = "document.getElementById('status')?.textContent"
	first  = "[...document.querySelectorAll('tbody tr[data-run]')].map(r => r.dataset.run)"
	drawn  = "[...document.querySelectorAll('.legend li')].map(e => e.textContent).join()"
)

func TestRunsView(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	several(t, dir)
	at := start(t, dir)
	b := chromium.Open(t, at+"/")
	b.Await(status, "11 runs")
	b.Await("document.querySelectorAll('.legend li').length", "8")
	b.Await("document.querySelector('.chart canvas') !== null", "true")
	b.Await("document.querySelectorAll('.parallel .run').length", "11")
	shots(t, b, "runs")

	// The table is searched, narrowed to a state, and sorted; every state is in the address.
	b.Eval("(() => { const f = document.querySelector('input[type=search]'); f.value = 'functional=hinge lr=0.1'; f.dispatchEvent(new Event('input')); })()")
	b.Await(first+".join()", "sweep/hinge-3")
	b.Await(status, "1 of 11 runs")
	b.Await("location.hash.includes('find=functional%3Dhinge')", "true")
	b.Eval("location.hash = '#/runs?state=finished'")
	b.Await(status, "8 of 11 runs")
	b.Eval("[...document.querySelectorAll('th button')].find(b => b.title === 'Test error').click()")
	b.Await(first+"[0]", "sweep/hinge-4")
	b.Eval("[...document.querySelectorAll('th button')].find(b => b.title === 'Test error').click()")
	b.Await(first+"[0]", "sweep/hinge-1")
	b.Eval("history.back()")
	b.Await(first+"[0]", "sweep/hinge-4")

	// Curves of those that are chosen, in other forms.
	b.Eval("location.hash = '#/runs?show=killed-1&show=sweep/nll-2&of=step_loss&by=time&smooth=0.9&logx=1&logy=1'")
	b.Await(drawn, "killed-1,sweep/nll-2")
	b.Await("document.querySelector('.chart').getAttribute('aria-label').startsWith('Loss of steps by seconds of training of killed-1: last ')", "true")
	b.Eval("document.querySelector('tr[data-run=\"killed-1\"] input').click()")
	b.Await(drawn, "sweep/nll-2")
	b.Shot("runs-log")

	// A click on a line of the sweep draws that run.
	b.Eval("document.querySelector('.parallel [data-run=\"sweep/nll-3\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
	b.Await(drawn, "sweep/nll-2,sweep/nll-3")

	// Columns are chosen.
	b.Eval("document.querySelector('.columns').open = true; document.querySelector('.menu input[value=\"setting.seed\"]').click()")
	b.Await("[...document.querySelectorAll('th button')].some(b => b.title === 'seed')", "true")
	checkAccess(t, b)
	b.Shot("runs-columns")
	b.Eval("document.querySelector('.columns').open = false; location.hash = '#/runs?show=killed-1'")
	b.Await(drawn, "killed-1")
	testTrash(t, b)
	testLive(t, b, dir)
	checkQuiet(t, b, at)
}

// testTrash goes to a run by its name, deletes it there and restores it.
func testTrash(t *testing.T, b *chromium.Browser) {
	t.Helper()
	b.Eval("document.querySelector('tr[data-run=\"killed-1\"] a').click()")
	b.Await("document.querySelector('#view-run h2.name')?.textContent", "killed-1")
	b.Await("document.querySelectorAll('#view-run .tiles dt').length > 3 && document.querySelector('.chart canvas') !== null", "true")
	b.Eval("[...document.querySelectorAll('#view-run details')].forEach(d => d.open = true)")
	b.Eval("[...document.querySelectorAll('#view-run button')].find(b => b.textContent === 'Delete…').click()")
	b.Eval("[...document.querySelectorAll('#view-run button')].find(b => b.textContent === 'Move to the trash').click()")
	b.Await(status, "10 runs")
	b.Eval("[...document.querySelectorAll('.tools button')].find(b => b.textContent === 'Trash').click()")
	b.Await("document.querySelector('.trash li span')?.textContent", "killed-1")
	checkAccess(t, b)
	b.Eval("document.querySelector('.trash button').click()")
	b.Await("document.querySelector('.trash').textContent", "It is empty.")
	b.Eval("document.querySelector('dialog[open] .close').click()")
	b.Await(status, "11 runs")
}

// testLive sees a run begin and move that another process writes.
func testLive(t *testing.T, b *chromium.Browser, dir string) {
	t.Helper()
	b.Eval("location.hash = '#/runs'")
	live := fixture{"live-1", 0.1, "nll", 1, 10, "", false}
	live.write(t, dir)
	lock, err := flock.Folder(filepath.Join(dir, "live-1"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	b.Await(status, "12 runs, 1 under way")
	log, err := os.OpenFile(filepath.Join(dir, "live-1", "events.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if _, err := log.WriteString(epochLine(2, 20, time.Now(), 0.5, 0.125, 3)); err != nil {
		t.Fatal(err)
	}
	b.Await("document.querySelector('tr[data-run=\"live-1\"]').textContent.includes('12.5 %')", "true")
}
