package studio

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/energo-ml/energo/internal/chromium"
)

var long = flag.Bool("long", false, "run tests that take minutes")

// TestManyRuns: the first view of 500 runs of 10,000 events is there within a second, and curves of 100 of them leave memory within its bound.
func TestManyRuns(t *testing.T) {
	if !*long {
		t.Skip("it writes 750 MB; -long")
	}
	dir := t.TempDir()
	for i := range 500 {
		fixture{fmt.Sprintf("run-%03d", i), 0.001 * float64(i+1), []string{"nll", "hinge"}[i%2], 10, 1000, "finished", i%3 > 0}.write(t, dir)
	}
	at := start(t, dir)
	began := time.Now()
	var answer struct{ Runs []struct{ Name string } }
	_, text := ask(t, "GET", at+"/v1/studio/runs", "")
	t.Logf("the list: %v, %d bytes", time.Since(began), len(text))
	if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer.Runs) != 500 {
		t.Fatalf("%d runs, %v", len(answer.Runs), err)
	}
	time.Sleep(2 * lookEvery)
	began = time.Now()
	ask(t, "GET", at+"/v1/studio/runs", "")
	t.Logf("the list again: %v", time.Since(began))

	fresh := start(t, dir)
	b := chromium.Open(t, "about:blank")
	b.Call("Page.navigate", map[string]any{"url": fresh + "/"}, nil)
	b.Await("document.querySelectorAll('tbody tr[data-run]').length > 10", "true")
	took := b.Eval("(() => { const e = performance.getEntriesByName('studio-runs')[0]; return e ? e.startTime : -1 })()")
	t.Logf("the table is there after %s ms", took)
	b.Await("document.querySelector('.chart canvas') !== null", "true")
	b.Shot("many")

	query := "/v1/studio/curves?of=step_loss&by=step&points=200"
	for i := range 100 {
		query += fmt.Sprintf("&run=run-%03d", i)
	}
	before := heap()
	for round := range 2 {
		began = time.Now()
		if status, text := ask(t, "GET", at+query, ""); status != 200 {
			t.Fatal(text)
		}
		t.Logf("curves of 100 runs, round %d: %v", round, time.Since(began))
	}
	for from := 100; from < 500; from += 100 { // more than the cache holds
		query = "/v1/studio/curves?of=step_loss&by=step&points=200"
		for i := range 100 {
			query += fmt.Sprintf("&run=run-%03d", from+i)
		}
		ask(t, "GET", at+query, "")
	}
	grown := heap() - before
	t.Logf("the heap has grown by %d MB", grown>>20)
	if grown > 2*cacheMost {
		t.Errorf("the heap has grown by %d bytes; the cache has a bound of %d", grown, cacheMost)
	}
	if ms := 0.0; os.Getenv("CI") == "" {
		if _, err := fmt.Sscan(took, &ms); err != nil || ms < 0 || ms > 1000 {
			t.Errorf("the first view took %s ms, want at most 1000", took)
		}
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
