package search

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/energo-ml/energo/search/index"
)

// childDir is the variable that makes the test's program a server of the index in a folder.
const childDir = "ENERGO_SERVE_TEST_DIR"

// child serves until it is killed, and says where on stdout.
func child(dir string) {
	x, err := index.Open(dir)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	s, err := newServer(context.Background(), testOptions{Options: Options{Index: x}})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	fmt.Println(s.Serve(context.Background(), l))
}

// A server that is killed while clients add items has lost none that it said were added, and of a request that it
// did not answer either all are there or none.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	x, err := index.Create(dir, index.Options{Dim: 4})
	if err == nil {
		err = x.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{} // by the prefix of a request's items: whether it was acknowledged
	for round := range 4 {
		for name, acked := range addUntilKilled(t, dir, round) {
			all[name] = acked
		}
		checkThere(t, dir, all)
	}
	n := 0
	for _, acked := range all {
		if acked {
			n++
		}
	}
	if n < 10 {
		t.Errorf("only %d requests were acknowledged; the test shows little", n)
	}
}

// perRequest is how many items a request of the test adds.
const perRequest = 3

// addUntilKilled adds items by several clients to a server that is killed meanwhile.
func addUntilKilled(t *testing.T, dir string, round int) map[string]bool {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.HasPrefix(line, "error") {
		t.Fatalf("the server says %q (%v)", line, err)
	}
	at := "http://" + strings.TrimSpace(line) + "/v1/items"
	var mu sync.Mutex
	sent := map[string]bool{}
	var clients sync.WaitGroup
	web := &http.Client{Transport: &http.Transport{}}
	for c := range 4 {
		clients.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d-%d-%d", round, c, i)
				var items []string
				for k := range perRequest {
					items = append(items, fmt.Sprintf(`{"id":"%s/%d","vector":[%d,%d,%d,%d]}`, name, k, round, c, i, k))
				}
				mu.Lock()
				sent[name] = false
				mu.Unlock()
				r, err := web.Post(at, "application/json", strings.NewReader(`{"items":[`+strings.Join(items, ",")+`]}`))
				if err != nil {
					return // it was killed
				}
				r.Body.Close()
				mu.Lock()
				sent[name] = r.StatusCode == http.StatusOK
				mu.Unlock()
			}
		})
	}
	time.Sleep(time.Duration(60+37*round) * time.Millisecond)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	clients.Wait()
	web.CloseIdleConnections()
	return sent
}

// checkThere opens the index and looks for what must be there.
func checkThere(t *testing.T, dir string, requests map[string]bool) {
	t.Helper()
	x, err := index.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for name, acked := range requests {
		n := 0
		for k := range perRequest {
			item, ok, err := x.Get(t.Context(), fmt.Sprintf("%s/%d", name, k))
			if err != nil {
				t.Fatal(err)
			}
			if ok && item.Vector[3] == float32(k) {
				n++
			}
		}
		if acked && n != perRequest || n != 0 && n != perRequest {
			t.Errorf("of request %s, acknowledged: %v, %d of %d items are there", name, acked, n, perRequest)
		}
	}
}
