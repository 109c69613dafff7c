package studio

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/internal/flock"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// ask sends a request and returns the status and the answer.
func ask(t testing.TB, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// want holds an answer to a status and to what it contains, and one of JSON to the description.
func want(t testing.TB, at, method, path, body string, status int, parts ...string) string {
	t.Helper()
	got, text := ask(t, method, at+path, body)
	if got != status {
		t.Errorf("%s %s: status %d, want %d: %s", method, path, got, status, text)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s %s: no %s in %.2000s", method, path, part, text)
		}
	}
	if err := described(t, at, method, path, got, text); err != nil {
		t.Errorf("%s %s: %v", method, path, err)
	}
	return text
}

// described holds an answer to its schema in the server's own description.
func described(t testing.TB, at, method, path string, status int, text string) error {
	t.Helper()
	_, doc := ask(t, "GET", at+"/openapi.json", "")
	all, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
	if err != nil {
		return err
	}
	path, _, _ = strings.Cut(path, "?")
	for template, methods := range all.(map[string]any)["paths"].(map[string]any) {
		if !fits(template, path) {
			continue
		}
		answers := methods.(map[string]any)[strings.ToLower(method)].(map[string]any)["responses"].(map[string]any)
		answer, ok := answers[fmt.Sprint(status)].(map[string]any)
		if !ok {
			return fmt.Errorf("the description has no status %d", status)
		}
		escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
		for kind := range answer["content"].(map[string]any) {
			c := jsonschema.NewCompiler()
			if err := c.AddResource("openapi.json", all); err != nil {
				return err
			}
			schema, err := c.Compile(fmt.Sprintf("openapi.json#/paths/%s/%s/responses/%d/content/%s/schema", escape.Replace(template), strings.ToLower(method), status, escape.Replace(kind)))
			if err != nil {
				return err
			}
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				return err
			}
			return schema.Validate(v)
		}
	}
	return fmt.Errorf("it is not described")
}

// fits tells whether a path is one of a template of the description.
func fits(template, path string) bool {
	a, b := strings.Split(template, "/"), strings.Split(path, "/")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !strings.HasPrefix(a[i], "{") && a[i] != b[i] {
			return false
		}
	}
	return true
}

// statesOf are those of the runs of a folder by name.
func statesOf(t testing.TB, at string) map[string]string {
	t.Helper()
	var answer struct {
		Runs []struct{ Name, State, Why string }
	}
	if err := json.Unmarshal([]byte(want(t, at, "GET", "/v1/studio/runs", "", 200)), &answer); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, r := range answer.Runs {
		all[r.Name] = r.State + ":" + r.Why
	}
	return all
}

func TestStates(t *testing.T) {
	dir := t.TempDir()
	several(t, dir)
	fixture{"live-1", 0.1, "nll", 1, 10, "", false}.write(t, dir)
	fixture{"unmeasured-1", 0.1, "nll", 1, 10, "finished", false}.write(t, dir)
	fixture{"damaged-1", 0.1, "nll", 1, 10, "finished", false}.write(t, dir)
	write(t, filepath.Join(dir, "damaged-1", "result.json"), "{")
	write(t, filepath.Join(dir, "left-1", "config.yaml"), "lr: [")
	write(t, filepath.Join(dir, "left-1", flock.File), "process 1 on nowhere\n") // of a process that was killed
	write(t, filepath.Join(dir, "no run", "readme.txt"), "")
	lock, err := flock.Folder(filepath.Join(dir, "live-1"))
	if err != nil {
		t.Fatal(err)
	}
	at := start(t, dir)
	got := statesOf(t, at)
	for name, want := range map[string]string{
		"sweep/nll-1": "finished:", "stopped-1": "interrupted:", "killed-1": "crashed:it ended without saying so", "diverged-1": "crashed:it diverged",
		"live-1": "running:", "unmeasured-1": "crashed:it was trained, but not measured", "damaged-1": "crashed:it was trained, but not measured", "left-1": "crashed:it ended without saying so",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if len(got) != 15 {
		t.Errorf("%d runs: %v", len(got), got)
	}
	want(t, at, "GET", "/v1/studio/runs", "", 200, `"config.yaml is no YAML`, `result.json is damaged`, `"test_error":`, `"Test error"`, `"Validation error"`)
	lock.Release()
	time.Sleep(lookEvery)
	if got := statesOf(t, at)["live-1"]; got != "crashed:it ended without saying so" {
		t.Errorf("a run that nobody trains any more is %q", got)
	}
}

func TestCurves(t *testing.T) {
	dir := t.TempDir()
	fixture{"a", 0.1, "nll", 100, 10, "", false}.write(t, dir)
	at := start(t, dir)
	curves := func(query string) (x, y []float64) {
		t.Helper()
		var answer struct {
			Curves []struct {
				Run  string
				X, Y []float64
			}
		}
		if err := json.Unmarshal([]byte(want(t, at, "GET", "/v1/studio/curves?run=a&"+query, "", 200)), &answer); err != nil {
			t.Fatal(err)
		}
		return answer.Curves[0].X, answer.Curves[0].Y
	}
	x, y := curves("of=step_loss&by=step&points=2000")
	if len(x) != 1000 || x[0] != 1 || x[999] != 1000 {
		t.Fatalf("%d steps", len(x))
	}
	tx, ty := curves("of=step_loss&by=step&points=100")
	if len(tx) > 102 || slices.Max(ty) != slices.Max(y) || slices.Min(ty) != slices.Min(y) || !slices.IsSorted(tx) {
		t.Errorf("%d of at most 100 points, from %g to %g, want %g to %g", len(tx), slices.Min(ty), slices.Max(ty), slices.Min(y), slices.Max(y))
	}
	if x, _ = curves("of=step_loss&by=epoch&points=2000"); math.Abs(x[999]-100) > 1e-6 || math.Abs(x[4]-0.5) > 1e-6 {
		t.Errorf("epochs of the steps 5 and 1000 are %g, %g", x[4], x[999])
	}
	if x, _ = curves("of=lr&by=time&points=2000"); math.Abs(x[999]-10) > 0.02 {
		t.Errorf("the last step is after %g s, want 10", x[999])
	}
	if x, y = curves("of=error&by=epoch"); len(x) != 100 || x[99] != 100 || math.Abs(y[99]-0.0254) > 0.001 {
		t.Errorf("%d epochs, %v", len(x), y)
	}

	// What comes is read, and a log that was cut is read again.
	log := filepath.Join(dir, "a", "events.jsonl")
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	more := stepLine(101, 1001, began.Add(time.Minute), 7, 0.1)
	write(t, log, string(text)+more[:20])
	if x, _ = curves("of=step_loss&by=step&points=2000"); len(x) != 1000 {
		t.Errorf("half a line makes it %d steps", len(x))
	}
	write(t, log, string(text)+more)
	if x, y = curves("of=step_loss&by=step&points=2000"); len(x) != 1001 || y[1000] != 7 {
		t.Errorf("%d steps", len(x))
	}
	write(t, log, string(text[:len(text)/2])+strings.Repeat(more, 2000))
	if _, y = curves("of=step_loss&by=step&points=5000"); y[len(y)-1] != 7 || len(y) < 2400 || len(y) > 2600 {
		t.Errorf("after a cut there are %d steps", len(y))
	}

	for query, part := range map[string]string{
		"run=b&of=loss&by=step": `there is no run \"b\"`, "run=../a&of=loss&by=step": "there is no run", "of=x&by=step": "want step_loss", "of=loss&by=x": "want step, epoch, time",
		"of=loss&by=step&points=1": "want a number from 2", "of=loss&of=lr&by=step": "of",
		"of=loss&by=step" + strings.Repeat("&run=a", 101): "at most 100",
	} {
		status, text := ask(t, "GET", at+"/v1/studio/curves?"+query, "")
		if status < 400 || status > 422 || !strings.Contains(text, part) {
			t.Errorf("%.60s: status %d, %s", query, status, text)
		}
	}
}

// sse reads server-sent events: each is sent as "name id data".
func sse(t testing.TB, url, last string) <-chan [3]string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", last)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 200 {
		t.Fatalf("%s: status %d", url, answer.StatusCode)
	}
	events := make(chan [3]string, 100)
	go func() {
		defer answer.Body.Close()
		defer close(events)
		lines := bufio.NewScanner(answer.Body)
		lines.Buffer(nil, 4<<20)
		var e [3]string
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				e[0] = value
			case "id":
				e[1] = value
			case "data":
				e[2] = value
			case "":
				if e[2] != "" {
					events <- e
				}
				e = [3]string{}
			}
		}
	}()
	return events
}

func next(t testing.TB, events <-chan [3]string) [3]string {
	t.Helper()
	select {
	case e, ok := <-events:
		if !ok {
			t.Fatal("the events have ended")
		}
		return e
	case <-time.After(5 * time.Second):
		t.Fatal("no event within 5 seconds")
	}
	return [3]string{}
}

func TestEvents(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "a", "events.jsonl")
	write(t, filepath.Join(dir, "a", "config.yaml"), "lr: 1\n")
	at := start(t, dir)
	events := sse(t, at+"/v1/studio/runs/a/events", "")
	one, two, three := stepLine(1, 1, began, 1, 1), stepLine(1, 2, began, 2, 1), stepLine(1, 3, began.Add(1), 3, 1)
	write(t, log, one+"nonsense\n"+two[:30])
	first := next(t, events)
	if first[2]+"\n" != one || first[0] != "" {
		t.Fatalf("the first event is %q", first)
	}
	write(t, log, one+"nonsense\n"+two)
	if e := next(t, events); e[2]+"\n" != two {
		t.Fatalf("the second event is %q", e)
	}

	// One that comes again continues; where the log is another, it begins anew.
	again := sse(t, at+"/v1/studio/runs/a/events", first[1])
	if e := next(t, again); e[2]+"\n" != two {
		t.Fatalf("after %s comes %q", first[1], e)
	}
	fresh := sse(t, at+"/v1/studio/runs/a/events?from=end", "")
	time.Sleep(50 * time.Millisecond)
	write(t, log, one+three)
	for _, events := range []<-chan [3]string{events, again, fresh} {
		if e := next(t, events); e[0] != "reset" {
			t.Fatalf("a log that was cut gives %q", e)
		}
		next(t, events)
		if e := next(t, events); e[2]+"\n" != three {
			t.Fatalf("then comes %q", e)
		}
	}
	for path, part := range map[string]string{"b/events": "there is no run", "a/events?from=middle": "want start or end", "a%2F..%2Fa/events": "there is no run", "..%2Fa/events": "there is no run"} {
		if _, text := ask(t, "GET", at+"/v1/studio/runs/"+path, ""); !strings.Contains(text, part) {
			t.Errorf("%s: %s", path, text)
		}
	}
}

func TestChanges(t *testing.T) {
	dir := t.TempDir()
	at := start(t, dir)
	events := sse(t, at+"/v1/studio/changes", "")
	if e := next(t, events); e[0] != "runs" || !strings.Contains(e[2], `"runs":[]`) {
		t.Fatalf("the first event is %q", e)
	}
	fixture{"a", 1, "nll", 1, 2, "interrupted", false}.write(t, dir)
	if e := next(t, events); e[0] != "changed" || !strings.Contains(e[2], `"name":"a"`) {
		t.Fatalf("then comes %.100q", e)
	}
	want(t, at, "DELETE", "/v1/studio/runs/a", "", 200, `"run":"a"`)
	if e := next(t, events); !strings.Contains(e[2], `"gone":["a"]`) {
		t.Fatalf("then comes %.100q", e)
	}
}

func TestNotesAndTrash(t *testing.T) {
	dir := t.TempDir()
	several(t, dir)
	at := start(t, dir)
	notes := "/v1/studio/runs/sweep%2Fnll-1/notes"
	want(t, at, "PUT", notes, `{"note":"so be it","tags":["a","b c"]}`, 200, `"so be it"`)
	want(t, at, "GET", "/v1/studio/runs", "", 200, `"note":"so be it","tags":["a","b c"]`)
	for body, part := range map[string]string{
		`{"tags":["a,b"]}`: "tags[0]", `{"tags":[" a"]}`: "no space", `{"tags":"a"}`: "tags", `{"notes":""}`: "notes", `{"note":"` + strings.Repeat("x", noteMost+1) + `"}`: "at most",
	} {
		if status, text := ask(t, "PUT", at+notes, body); status < 400 || status > 422 || !strings.Contains(text, part) {
			t.Errorf("%.40s: status %d, %s", body, status, text)
		}
	}
	want(t, at, "PUT", "/v1/studio/runs/none/notes", `{}`, 404)

	// The trash has the run with all its files.
	lock, err := flock.Folder(filepath.Join(dir, "sweep", "nll-1"))
	if err != nil {
		t.Fatal(err)
	}
	want(t, at, "DELETE", "/v1/studio/runs/sweep%2Fnll-1", "", 422, "is being trained")
	lock.Release()
	var gone trashed
	if err := json.Unmarshal([]byte(want(t, at, "DELETE", "/v1/studio/runs/sweep%2Fnll-1", "", 200)), &gone); err != nil {
		t.Fatal(err)
	}
	want(t, at, "GET", "/v1/studio/trash", "", 200, gone.ID)
	want(t, at, "DELETE", "/v1/studio/runs/sweep%2Fnll-1", "", 404)
	if entries, err := os.ReadDir(filepath.Join(dir, trashName, gone.ID)); err != nil || len(entries) != 4 {
		t.Errorf("the trash has %v, %v", entries, err)
	}
	for _, id := range []string{"x", "..%2F..%2Fx", "20260301T100000.000Z-..%2F..%2Fx", "20260301T100000.000Z-x"} {
		want(t, at, "POST", "/v1/studio/trash/"+id+"/restore", "", 404)
	}
	back := "/v1/studio/trash/" + strings.ReplaceAll(gone.ID, "%", "%25") + "/restore"
	fixture{"sweep/nll-1", 1, "nll", 1, 1, "", false}.write(t, dir)
	want(t, at, "POST", back, "", 422, "there is another run")
	if err := os.RemoveAll(filepath.Join(dir, "sweep")); err != nil {
		t.Fatal(err)
	}
	want(t, at, "POST", back, "", 200)
	want(t, at, "GET", "/v1/studio/runs", "", 200, `"sweep/nll-1"`, "so be it")
}

func TestMountRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	for folder, want := range map[string]string{"": "no Folder", file: "is a file"} {
		if err := Mount(nil, Options{Folder: folder}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", folder, err)
		}
	}
}
