// Package chromium drives a headless Chromium in tests of pages: one tab, told what to do through a pair of pipes.
package chromium

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// Browser is a headless Chromium with one tab, told what to do through a pair of pipes.
type Browser struct {
	t       testing.TB
	in      io.WriteCloser
	out     *bufio.Reader
	session string
	last    int
	Errors  []string // that the page had
}

// message is what goes through the pipes: a call, its result, or an event.
type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

// lifeMost ends a browser that a test forgot: benchmarks use one for minutes.
const lifeMost = 30 * time.Minute

// Open opens a page, in a browser that has some more switches; the test is skipped where there is no Chromium.
func Open(t testing.TB, address string, switches ...string) *Browser {
	t.Helper()
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("a browser takes seconds, and pipes that Windows has not")
	}
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			program = p
			break
		}
	}
	if program == "" {
		lacking(t, "no Chromium along PATH; install it to test the page")
	}
	ours, theirs := pipe(t), pipe(t)
	ctx, cancel := context.WithTimeout(context.Background(), lifeMost)
	cmd := exec.CommandContext(ctx, program, append(switches, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")...)
	cmd.ExtraFiles = []*os.File{ours.r, theirs.w}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		cancel()
		lacking(t, fmt.Sprintf("Chromium does not start: %v", err))
	}
	ours.r.Close()
	theirs.w.Close()
	b := &Browser{t: t, in: ours.w, out: bufio.NewReader(theirs.r)}
	t.Cleanup(func() {
		b.last++
		_ = b.write(message{ID: b.last, Method: "Browser.close"})
		_ = cmd.Wait()
		cancel()
		ours.w.Close()
		theirs.r.Close()
	})
	var target struct{ TargetID string }
	b.Call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.Call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	b.Call("Runtime.enable", nil, nil)
	b.Call("Log.enable", nil, nil)
	b.Call("Page.enable", nil, nil)
	b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 1000, "height": 760, "deviceScaleFactor": 1, "mobile": false}, nil)
	b.Call("Page.navigate", map[string]any{"url": address}, nil)
	return b
}

type bothEnds struct{ r, w *os.File }

func pipe(t testing.TB) bothEnds {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return bothEnds{r, w}
}

func (b *Browser) write(m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = b.in.Write(append(text, 0))
	return err
}

// Call has the browser do something, and keeps the errors of the page that it tells of meanwhile.
func (b *Browser) Call(method string, params, result any) {
	b.t.Helper()
	if err := b.ask(method, params, result); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
}

// ask is Call, whose error is what the browser says is wrong, as that the page was left meanwhile.
func (b *Browser) ask(method string, params, result any) error {
	b.t.Helper()
	b.last++
	if err := b.write(message{ID: b.last, Session: b.session, Method: method, Params: params}); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	for {
		text, err := b.out.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: the browser ended: %v", method, err)
		}
		var m message
		if err := json.Unmarshal(text[:len(text)-1], &m); err != nil {
			b.t.Fatal(err)
		}
		if m.Method == "Runtime.exceptionThrown" || m.Method == "Log.entryAdded" && !bytes.Contains(text, []byte(`"source":"rendering"`)) { // which are the driver's
			b.Errors = append(b.Errors, string(text))
		}
		if m.ID != b.last {
			continue
		}
		if m.Error != nil {
			return errors.New(string(m.Error))
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatal(err)
			}
		}
		return nil
	}
}

// Eval evaluates JavaScript and returns its value as text.
func (b *Browser) Eval(script string) string {
	b.t.Helper()
	value, err := b.Value(script)
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return value
}

// Value is Eval with the script's error, or that of a page that was left meanwhile.
func (b *Browser) Value(script string) (string, error) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	if err := b.ask("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true}, &r); err != nil {
		return "", err
	}
	if r.ExceptionDetails != nil {
		return "", errors.New(string(r.ExceptionDetails))
	}
	return fmt.Sprint(r.Result.Value), nil
}

// Await waits until a script gives a value. Errors are those of a page that is not loaded yet.
func (b *Browser) Await(script, want string) {
	b.t.Helper()
	var got string
	for range 500 {
		value, err := b.Value(script)
		if err == nil && value == want {
			return
		}
		if got = value; err != nil {
			got = err.Error()
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.t.Fatalf("%s is %q, want %q; the page says %q", script, got, want, b.Eval("document.body.innerText"))
}

func (b *Browser) Mouse(kind string, x, y float64) {
	b.t.Helper()
	b.Call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}, nil)
}

func (b *Browser) Key(name string, code int, text string) {
	b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		p := map[string]any{"type": kind, "key": name, "windowsVirtualKeyCode": code}
		if kind == "keyDown" && text != "" {
			p["text"] = text
		}
		b.Call("Input.dispatchKeyEvent", p, nil)
	}
}

// Shot keeps a picture of the page where ENERGO_SHOTS names a folder.
func (b *Browser) Shot(name string) {
	b.t.Helper()
	dir := os.Getenv("ENERGO_SHOTS")
	if dir == "" {
		return
	}
	var r struct{ Data string }
	b.Call("Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	file, err := base64.StdEncoding.DecodeString(r.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), file, 0o666)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
