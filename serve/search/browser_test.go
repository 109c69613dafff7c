package search

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// browser is a headless Chromium with one tab, told what to do through a pair of pipes.
type browser struct {
	t       *testing.T
	in      io.WriteCloser
	out     *bufio.Reader
	session string
	last    int
	errors  []string // that the page had
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

// browse opens a page; the test is skipped where there is no Chromium.
func browse(t *testing.T, address string) *browser {
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
		t.Skip("no Chromium along PATH; install it to test the page")
	}
	ours, theirs := pipe(t), pipe(t)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	cmd := exec.CommandContext(ctx, program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{ours.r, theirs.w}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		cancel()
		t.Skipf("Chromium does not start: %v", err)
	}
	ours.r.Close()
	theirs.w.Close()
	b := &browser{t: t, in: ours.w, out: bufio.NewReader(theirs.r)}
	t.Cleanup(func() {
		b.last++
		_ = b.write(message{ID: b.last, Method: "Browser.close"})
		_ = cmd.Wait()
		cancel()
		ours.w.Close()
		theirs.r.Close()
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	b.call("Runtime.enable", nil, nil)
	b.call("Log.enable", nil, nil)
	b.call("Page.enable", nil, nil)
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 1000, "height": 760, "deviceScaleFactor": 1, "mobile": false}, nil)
	b.call("Page.navigate", map[string]any{"url": address}, nil)
	return b
}

type bothEnds struct{ r, w *os.File }

func pipe(t *testing.T) bothEnds {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return bothEnds{r, w}
}

func (b *browser) write(m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = b.in.Write(append(text, 0))
	return err
}

// call has the browser do something, and keeps the errors of the page that it tells of meanwhile.
func (b *browser) call(method string, params, result any) {
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
		if m.Method == "Runtime.exceptionThrown" || m.Method == "Log.entryAdded" {
			b.errors = append(b.errors, string(text))
		}
		if m.ID != b.last {
			continue
		}
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatal(err)
			}
		}
		return
	}
}

// eval evaluates JavaScript and returns its value as text.
func (b *browser) eval(script string) string {
	b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", script, r.ExceptionDetails)
	}
	return fmt.Sprint(r.Result.Value)
}

// await waits until a script gives a value.
func (b *browser) await(script, want string) {
	b.t.Helper()
	var got string
	for range 500 {
		if got = b.eval(script); got == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.t.Fatalf("%s is %q, want %q; the page says %q", script, got, want, b.eval("document.body.innerText"))
}

func (b *browser) mouse(kind string, x, y float64) {
	b.t.Helper()
	b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}, nil)
}

func (b *browser) key(name string, code int, text string) {
	b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		p := map[string]any{"type": kind, "key": name, "windowsVirtualKeyCode": code}
		if kind == "keyDown" && text != "" {
			p["text"] = text
		}
		b.call("Input.dispatchKeyEvent", p, nil)
	}
}

// shot keeps a picture of the page where ENERGO_SHOTS names a folder.
func (b *browser) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("ENERGO_SHOTS")
	if dir == "" {
		return
	}
	var r struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	file, err := base64.StdEncoding.DecodeString(r.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), file, 0o666)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

const (
	nHits  = "document.querySelectorAll('#results li').length"
	status = "document.getElementById('status').textContent"
	wrong  = "document.getElementById('error').hidden ? '' : document.getElementById('error').textContent"
	labels = "[...document.querySelectorAll('.hit b')].map(e => e.textContent).join(' ')"
	ids    = "[...document.querySelectorAll('.hit')].map(e => e.title).join(' ')"
)

// The page, as its user has it: strokes, labels, a hit that is pressed, files, errors, the keyboard.
func TestPage(t *testing.T) {
	_, at := start(t, options(fixture()))
	b := browse(t, at+"/")
	b.await("document.getElementById('about') && document.getElementById('about').textContent", "4 items, 4 coordinates, euclidean distance")
	b.shot("empty")

	var box struct{ X, Y float64 }
	if err := json.Unmarshal([]byte(b.eval("JSON.stringify(document.getElementById('canvas').getBoundingClientRect())")), &box); err != nil {
		t.Fatal(err)
	}
	b.mouse("mousePressed", box.X+100, box.Y+60)
	for i := range 10 {
		b.mouse("mouseMoved", box.X+100+float64(i), box.Y+60+15*float64(i))
	}
	b.mouse("mouseReleased", box.X+110, box.Y+210)
	b.await(nHits, "4")
	if got := b.eval(status); !strings.HasPrefix(got, "4 results in ") || !strings.Contains(got, "network ") {
		t.Errorf("the page says %q", got)
	}
	b.await("[...document.querySelectorAll('.hit img')].filter(i => i.naturalWidth === 224).length", "3")
	b.await("document.querySelectorAll('.hit .none').length", "1") // whose picture is not there any more
	b.shot("drawn")

	b.eval("document.getElementById('label').focus()")
	b.key("1", '1', "1")
	b.key("Enter", 13, "\r")
	b.await(labels, "1 1")
	b.eval("document.querySelector('.hit').focus()")
	first := b.eval("document.querySelector('.hit').title")
	b.key("Enter", 13, "\r")
	b.await(nHits, "1")
	if got := b.eval(ids); got == first {
		t.Errorf("looking for what is like %s gives itself", first)
	}
	b.eval("document.getElementById('label').value = ''")

	// Delete clears the canvas, and then there is nothing to look for.
	b.eval("document.getElementById('canvas').focus()")
	b.key("Delete", 46, "")
	b.eval("target = null; document.getElementById('go').click()")
	b.await(wrong, "The drawing is empty.")
	b.shot("wrong")

	// It also ends the search that a stroke began.
	b.mouse("mousePressed", box.X+100, box.Y+60)
	b.mouse("mouseReleased", box.X+100, box.Y+60)
	b.key("Delete", 46, "")
	b.eval("document.getElementById('error').textContent = 'none'; target = {image: null, drawn: true}")
	b.key("Backspace", 8, "")
	b.eval("new Promise(r => setTimeout(r, 400))")
	b.await(wrong, "none")
	b.await("target", "<nil>")

	// A finger draws, too.
	touch := func(kind string, points ...any) {
		b.call("Input.dispatchTouchEvent", map[string]any{"type": kind, "touchPoints": append([]any{}, points...)}, nil)
	}
	touch("touchStart", map[string]float64{"x": box.X + 60, "y": box.Y + 60})
	touch("touchMove", map[string]float64{"x": box.X + 200, "y": box.Y + 60})
	touch("touchEnd")
	b.await(nHits, "4")
	b.await(wrong, "")

	// Files that are dropped or pasted, good and bad.
	const give = `(async () => {
		const bytes = %s;
		const data = new DataTransfer();
		data.items.add(new File([bytes], "a.png", {type: %q}));
		document.dispatchEvent(new %s(%q, {%s: data, bubbles: true, cancelable: true}));
	})()`
	picture := "new Uint8Array(await (await fetch('/v1/thumb/set%%2F0.png')).arrayBuffer())"
	picture = strings.ReplaceAll(picture, "%%", "%")
	b.eval(fmt.Sprintf(give, picture, "image/png", "DragEvent", "drop", "dataTransfer"))
	b.await("document.querySelector('.hit') && document.querySelector('.hit').title", "set/0.png")
	b.await("document.getElementById('preview').naturalWidth", "224")
	b.eval(fmt.Sprintf(give, "'nonsense'", "image/png", "ClipboardEvent", "paste", "clipboardData"))
	b.await("("+wrong+").startsWith('image is not a valid picture')", "true")
	b.eval(fmt.Sprintf(give, "'text'", "text/plain", "DragEvent", "drop", "dataTransfer"))
	b.await(wrong, "a.png is not a picture.")

	// Text that is dropped where one types is left to the browser.
	const text = `(() => {
		const data = new DataTransfer();
		data.setData("text/plain", "7");
		return %s.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
	})()`
	b.await(fmt.Sprintf(text, "document.getElementById('label')"), "true")
	b.await(fmt.Sprintf(text, "document"), "false")

	// An answer of something else in front of the server.
	b.eval("target = {id: 'x'}; fetchOurs = fetch; fetch = async () => new Response('<p>', {status: 502}); search()")
	b.await(wrong, "The answer has status 502 and is not JSON.")
	b.eval("fetch = fetchOurs")

	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	b.eval("document.getElementById('k').value = 3; document.querySelector('#clear').click()")
	b.eval(fmt.Sprintf(give, picture, "image/png", "DragEvent", "drop", "dataTransfer"))
	b.await(nHits, "3")
	b.await("[...document.querySelectorAll('.hit img')].every(i => i.complete)", "true")
	b.shot("dark")
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 380, "height": 900, "deviceScaleFactor": 1, "mobile": true}, nil)
	b.shot("narrow")
	if got := b.eval("document.documentElement.scrollWidth > 380"); got != "false" {
		t.Error("the page is wider than a narrow screen")
	}
	for _, e := range b.errors {
		// The browser itself notes answers of 404 and 422, and previews of nonsense, which are meant.
		if !strings.Contains(e, "a status of 404") && !strings.Contains(e, "a status of 422") && !strings.Contains(e, "blob:") {
			t.Errorf("the page had an error: %s", e)
		}
	}
}

// Without a network the page says so.
func TestPageWithoutNetwork(t *testing.T) {
	o := options(fixture())
	o.Encoder, o.K = nil, 5
	_, at := start(t, o)
	b := browse(t, at+"/")
	b.await("document.getElementById('status') && "+status, "This server has no network for pictures: it takes vectors, by POST /v1/search.")
	if got := b.eval("document.getElementById('canvas').offsetParent"); got != "<nil>" {
		t.Error("there is a canvas nevertheless")
	}
	b.await("document.getElementById('k').value", "5")
}
