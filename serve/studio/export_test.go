package studio

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/chromium"
)

// exported writes the site of a folder of runs, and serves it in a folder of a plain server of files. It returns the folder and the address.
func exported(t *testing.T, site Site) (dir, at string) {
	t.Helper()
	root := t.TempDir()
	dir = filepath.Join(root, "pages", "energy")
	if _, err := Export(dir, site); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(root)))
	t.Cleanup(server.Close)
	return dir, server.URL + "/pages/energy/"
}

// TestExportRefuses: what cannot be written or is not there is told, and nothing is left.
func TestExportRefuses(t *testing.T) {
	folder, root := t.TempDir(), t.TempDir()
	fixture{name: "one", lr: 0.1, functional: "nll", epochs: 1, steps: 2}.write(t, folder)
	write(t, filepath.Join(root, "full", "file"), "")
	write(t, filepath.Join(root, "file"), "")
	for _, c := range []struct {
		dir  string
		site Site
		want string
	}{
		{"full", Site{Folder: folder}, "is there already, and is not empty"},
		{"file", Site{Folder: folder}, "is a file; want a folder"},
		{"new", Site{Folder: filepath.Join(folder, "absent")}, "no such file"},
		{"new", Site{Folder: filepath.Join(root, "file")}, "is a file; want the folder of the runs"},
		{"new", Site{Folder: folder, Runs: []string{"two"}}, `there is no run "two"`},
		{"new", Site{Folder: folder, Runs: []string{"../one"}}, `there is no run "../one"`},
		{"new", Site{Folder: folder, Runs: []string{"one", "one"}}, "named twice"},
	} {
		if _, err := Export(filepath.Join(root, c.dir), c.site); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %+v: %v; want %s", c.dir, c.site, err, c.want)
		}
	}
	entries, err := os.ReadDir(root)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v is left, %v", entries, err)
	}
	empty := filepath.Join(root, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	if e, err := Export(empty, Site{Folder: folder, Runs: []string{"one"}}); err != nil || e.Runs != 1 || e.Films != 0 || e.Files < 30 {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestExportSize: the page without WebAssembly has at most 400 KB, compressed.
func TestExportSize(t *testing.T) {
	dir, _ := exported(t, Site{Folder: t.TempDir()})
	total := 0
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".wasm.gz") {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(text); err != nil {
			return err
		}
		err = z.Close()
		total += packed.Len()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes compressed", total)
	if total > 400_000 {
		t.Errorf("the page has %d bytes compressed; at most 400000 are allowed", total)
	}
}

// TestSite: on a site without a server runs are seen, a surface is trained, chains move, losses are drawn.
func TestSite(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	several(t, folder)
	writeFilm(t, folder, "bowl")
	writeFilm(t, folder, "sweep/other")
	_, at := exported(t, Site{Folder: folder})
	b := chromium.Open(t, at+"#/runs")
	b.Await("document.querySelectorAll('.legend li').length", "8")
	b.Await("document.querySelector('.chart canvas') !== null", "true")
	b.Await(status+".startsWith('13 runs, as they were on ')", "true")
	took := b.Eval("Math.round(performance.getEntriesByName('studio-runs')[0].startTime)")
	t.Logf("the runs are there after %s ms", took)
	b.Shot("site-runs")

	b.Eval("location.hash = '#/surface?with=sweep%2Fother'")
	figures := "[...document.querySelectorAll('.figures')].map(e => e.textContent.split(' · ')[0]).join()"
	b.Await(figures, "step 40,step 40")
	press := "(() => { const c = document.querySelector('.plane canvas'), r = c.getBoundingClientRect(); c.dispatchEvent(new MouseEvent('click', {clientX: r.left + r.width / 2, clientY: r.top + r.height / 3})) })()"
	b.Eval(press)
	b.Shot("site-surface")

	b.Eval("location.hash = '#/lesson?f=nll'")
	stepped := "(document.querySelector('.figures')?.textContent || '')"
	b.Await(stepped+".includes('step 0')", "true")
	b.Eval("document.querySelector('#view-lesson .main').click()")
	b.Await("Number(/step ([0-9,]+)/.exec("+stepped+")[1].replace(',', '')) > 50", "true")
	b.Eval(press)
	b.Await(stepped+".includes('24 chains')", "true")
	b.Shot("site-lesson")

	b.Eval("location.hash = '#/losses?l=ebm.square_square'")
	b.Await("document.querySelector('.graph .value') !== null", "true")
	b.Await("document.querySelector('.area canvas') !== null", "true")
	b.Eval("location.hash = '#/losses?l=triplet'")
	b.Await("document.querySelector('.verdict')?.textContent.startsWith('loss ')", "true")
	b.Shot("site-losses")

	b.Eval("location.hash = '#/ctc'")
	b.Await("document.querySelectorAll('#view-ctc .frame').length", "48")
	b.Eval("document.querySelector('#view-ctc .main').click()")
	b.Await(ctcLoss+" < 1", "true")
	b.Shot("site-ctc")

	b.Eval("location.hash = '#/run/bowl'")
	b.Await("document.querySelector('#view-run')?.textContent.includes('asks a server')", "true")
	b.Await("[...document.querySelectorAll('nav a')].filter(a => a.classList.contains('absent')).map(a => a.textContent).includes('A run')", "true")
	shots(t, b, "site-absent")
	b.Await("document.querySelector('#unserved')", "<nil>")
	checkQuiet(t, b, at)
}

// TestSiteAsFile: opened as a file the page says why it stays empty.
func TestSiteAsFile(t *testing.T) {
	t.Parallel()
	dir, _ := exported(t, Site{Folder: t.TempDir()})
	b := chromium.Open(t, "file://"+filepath.ToSlash(filepath.Join(dir, "index.html")))
	b.Await("document.querySelector('#unserved')?.checkVisibility({visibilityProperty: true})", "true")
	b.Await("document.body.innerText.includes('does not work when it is opened as a file')", "true")
	b.Shot("site-file")
}
