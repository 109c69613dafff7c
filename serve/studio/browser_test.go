package studio

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/chromium"
	"github.com/energo-ml/energo/serve"
)

// start serves the studio of a folder, and returns its address.
func start(t *testing.T, folder string) string {
	t.Helper()
	s, err := serve.New(t.Context(), serve.Options{})
	if err == nil {
		err = Mount(s, Options{Folder: folder})
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

func TestFrame(t *testing.T) {
	dir := t.TempDir()
	for i := range 200 {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprint("run-", i)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("run-", i), "config.yaml"), []byte("recipe: toy\nfunctional: nll\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	at := start(t, dir)
	b := chromium.Open(t, at+"/")
	b.Await("document.getElementById('status')?.textContent", "200 runs")
	b.Await("document.querySelector('tbody tr:nth-child(2)').textContent", "run-0")
	b.Eval("document.querySelector('.table').scrollTop = 1e6")
	b.Await("[...document.querySelectorAll('tbody tr')].at(-2).textContent", "run-199")
	b.Eval("document.querySelector('th button').click()")
	b.Await("location.hash.includes('down=1')", "true")
	b.Await("document.querySelector('tbody tr[aria-rowindex]').textContent.startsWith('run-')", "true")
	b.Shot("frame")
	b.Eval("document.getElementById('theme').click(); document.getElementById('theme').click()")
	b.Await("document.documentElement.dataset.theme", "dark")
	b.Shot("frame-dark")
	if got := b.Eval("location.hash"); !strings.HasPrefix(got, "#/") {
		t.Errorf("the address is %s", got)
	}
	checkQuiet(t, b, at)
}
