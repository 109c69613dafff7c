package cli

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/energo-ml/energo/search/index"
)

// underKill is a server of an index and of a network, which is replaced all the time, until it is killed, and clients of both.
type underKill struct {
	t            *testing.T
	dir          string
	model        []byte
	web          *http.Client
	at           string
	cmd          *exec.Cmd
	ending       atomic.Bool // from before the signal on
	reads, loads int

	mu    sync.Mutex
	there map[string]bool // items, by identifier: whether they must be in the index
	open  map[string]bool // items of whose last change nothing is known
	acked int
}

// start starts the server, as a process of its own.
func (u *underKill) start() {
	u.t.Helper()
	u.ending.Store(false)
	u.configure(0)
	u.cmd = exec.Command("energo", "serve", "--config", filepath.Join(u.dir, "serve.yaml"), "--listen", "127.0.0.1:0", "--log-level", "error")
	u.cmd.Stderr = u.t.Output()
	out, err := u.cmd.StdoutPipe()
	if err == nil {
		err = u.cmd.Start()
	}
	if err != nil {
		u.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for u.at = ""; u.at == "" && lines.Scan(); {
		u.at = regexp.MustCompile(`http://\S+:\d+`).FindString(lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	for deadline := time.Now().Add(20 * time.Second); u.status("GET", "/readyz", "") != 200; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			u.t.Fatal("the server does not become ready")
		}
	}
}

// configure replaces the network's file, and the file that says how it is served.
func (u *underKill) configure(n int) {
	write := func(name, text string) {
		part := filepath.Join(u.dir, ".part")
		if err := os.WriteFile(part, []byte(text), 0o666); err != nil {
			u.t.Error(err)
		}
		if err := os.Rename(part, filepath.Join(u.dir, name)); err != nil {
			u.t.Error(err)
		}
	}
	write("affine.onnx", string(u.model))
	write("serve.yaml", fmt.Sprintf("models:\n  points: points\n  live:\n    path: affine.onnx\n    batch: %d\n", 2+n%7))
}

// status is that of a request; 0 is no answer.
func (u *underKill) status(method, path, body string) int {
	r, err := http.NewRequest(method, u.at+path, strings.NewReader(body))
	if err != nil {
		u.t.Error(err)
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := u.web.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	if _, err = io.Copy(io.Discard, answer.Body); err != nil {
		return 0
	}
	return answer.StatusCode
}

// change adds an item, or takes it out, and remembers what the server said.
func (u *underKill) change(id string, add bool) {
	u.mu.Lock()
	u.open[id] = true
	u.mu.Unlock()
	path, body := "/v1/items/delete", fmt.Sprintf(`{"ids":[%q]}`, id)
	if add {
		path, body = "/v1/items", fmt.Sprintf(`{"items":[{"id":%q,"vector":[1,2]}]}`, id)
	}
	status := u.status("POST", path, body)
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case status == 200:
		delete(u.open, id)
		u.there[id] = add
		u.acked++
	case !u.ending.Load():
		u.t.Errorf("%s %s: status %d before the server is told to end", path, id, status)
	case status != 0: // it was refused
		delete(u.open, id)
	}
}

// round has clients at work, and the network replaced, until the server gets a signal.
func (u *underKill) round(n int, signal os.Signal, after time.Duration) {
	u.start()
	begun, before := time.Now(), u.acked
	var all sync.WaitGroup
	for c := range 4 {
		all.Go(func() {
			for i := 0; !u.ending.Load(); i++ {
				id := fmt.Sprintf("%d-%d-%d", n, c, i)
				if u.change(id, true); i%5 == 4 && !u.ending.Load() {
					u.change(fmt.Sprintf("%d-%d-%d", n, c, i-2), false)
				}
			}
		})
	}
	var reads atomic.Int64
	for range 2 {
		all.Go(func() {
			for !u.ending.Load() {
				if got := u.status("POST", inferLive, good); got != 200 && !u.ending.Load() {
					u.t.Errorf("%s: status %d while the network is replaced", inferLive, got)
				}
				reads.Add(1)
			}
		})
	}
	all.Go(func() {
		for i := 1; !u.ending.Load(); i++ {
			u.configure(i)
			_ = u.cmd.Process.Signal(syscall.SIGHUP)
			time.Sleep(20 * time.Millisecond)
		}
	})
	time.Sleep(after)
	for deadline := time.Now().Add(20 * time.Second); u.loaded() < 5 || u.changes() < before+10 || reads.Load() < 10; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			u.t.Errorf("in %v, %d models were loaded, and there were %d changes and %d reads", time.Since(begun), u.loaded(), u.changes()-before, reads.Load())
			break
		}
	}
	u.loads += u.loaded()
	u.ending.Store(true)
	if err := u.cmd.Process.Signal(signal); err != nil {
		u.t.Fatal(err)
	}
	_ = u.cmd.Wait()
	all.Wait()
	u.reads += int(reads.Load())
	u.web.CloseIdleConnections()
}

// changes is how many the server has acknowledged.
func (u *underKill) changes() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.acked
}

// loaded is how many models the server has opened.
func (u *underKill) loaded() (n int) {
	answer, err := u.web.Get(u.at + "/metrics")
	if err != nil {
		u.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		u.t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^energo_model_loads_total\{result="(\w+)"\} (\d+)$`).FindAllSubmatch(text, -1) {
		if string(m[1]) != "success" {
			u.t.Errorf("%s models could not be opened", m[2])
		}
		_, _ = fmt.Sscan(string(m[2]), &n)
	}
	return n
}

// check looks for the items in the index.
func (u *underKill) check() {
	x, err := index.OpenReadOnly(filepath.Join(u.dir, "points"))
	if err != nil {
		u.t.Fatal(err)
	}
	defer x.Close()
	for id, must := range u.there {
		_, ok, err := x.Get(u.t.Context(), id)
		if err != nil {
			u.t.Fatal(err)
		}
		if ok != must && !u.open[id] {
			u.t.Errorf("item %s is there: %v; the server said %v", id, ok, must)
		}
	}
}

// A server that is killed, or stopped, while clients change an index and a network is replaced again and again, has lost no change that it
// said was done, and no request for the network before.
func TestKilledWhileReloading(t *testing.T) {
	t.Parallel()
	model, err := os.ReadFile("../../../engine/onnx/testdata/affine.onnx")
	if err != nil {
		t.Fatal(err)
	}
	u := &underKill{
		t: t, dir: t.TempDir(), model: model, there: map[string]bool{}, open: map[string]bool{},
		web: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
	}
	x, err := index.Create(filepath.Join(u.dir, "points"), index.Options{Dim: 2})
	if err == nil {
		err = x.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	rounds := 4
	if *long {
		rounds = 60
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range rounds {
		signal := os.Signal(syscall.SIGKILL)
		if n%4 == 3 {
			signal = syscall.SIGTERM
		}
		u.round(n, signal, time.Duration(150+rng.IntN(250))*time.Millisecond)
		u.check()
	}
	t.Logf("%d changes acknowledged, %d open, %d reads, %d models loaded", u.acked, len(u.open), u.reads, u.loads)
}
