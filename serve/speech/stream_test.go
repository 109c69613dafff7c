package speech

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/read/readtest"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/internal/openapitest"
)

// pcm is a clip as messages of samples.
func pcm(c audio.Clip, format string) (b []byte) {
	for _, v := range c.Samples {
		if format == formatS16 {
			b = binary.LittleEndian.AppendUint16(b, uint16(int16(v*(1<<15-1))))
		} else {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	return b
}

// dial opens a stream.
func dial(t testing.TB, at, query string) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), strings.Replace(at, "http", "ws", 1)+"/v1/audio/stream"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	c.SetReadLimit(1 << 20)
	return c
}

// event is any message of the server.
type event struct {
	Type, Model, Format string
	Rate, Segment       int
	Segments            int
	Time, Start, End    float64
	Settled, Open, Text string
	Words               []word
	Error               struct{ Message, Param, Code string }
}

// events are all messages of the server until it closes, and how it does.
func events(t testing.TB, c *websocket.Conn) (all []event, code websocket.StatusCode) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), 30*time.Second)
	defer done()
	for {
		_, text, err := c.Read(ctx)
		if err != nil {
			return all, websocket.CloseStatus(err)
		}
		var e event
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
}

func send(t testing.TB, c *websocket.Conn, kind websocket.MessageType, b []byte) {
	t.Helper()
	if err := c.Write(t.Context(), kind, b); err != nil {
		t.Fatal(err)
	}
}

const end = `{"type":"end"}`

// speak sends samples in messages of some size, and the end.
func speak(t testing.TB, c *websocket.Conn, b []byte, size int) {
	t.Helper()
	for part := range slices.Chunk(b, size) {
		send(t, c, websocket.MessageBinary, part)
	}
	send(t, c, websocket.MessageText, []byte(end))
}

// twoSegments says "o i i", a second of silence, and "i".
func twoSegments() audio.Clip {
	c := readtest.Say("o", "i", "i")
	c.Samples = append(c.Samples, make([]float32, readtest.Rate)...)
	c.Samples = append(c.Samples, readtest.Say("i", "o").Samples...)
	return c
}

// Sound is read while it comes, at any rate and format, with settings in the address or in a message: what is settled makes up the texts of the segments.
func TestStream(t *testing.T) {
	_, at := start(t, options(t))
	for _, c := range []struct {
		query, settings, format string
		rate                    int
	}{
		{"?model=tones", "", formatS16, 8000},
		{"?rate=16000&format=f32le&silence=0.5", "", formatF32, 16000},
		{"", `{}`, formatS16, 8000},
		{"", `{"model":"tones","rate":44100,"format":"f32le","silence":0.7,"beam":8,"delay":0.3,"hot_words":["o i=0.1"]}`, formatF32, 44100},
		{"?beam=4", "", formatS16, 8000},
		{"?language_model=i&lm_weight=0.1&hot_words=i%3D0.1&hot_words=o%3D0.1", "", formatS16, 8000},
	} {
		conn := dial(t, at, c.query)
		if c.settings != "" {
			send(t, conn, websocket.MessageText, []byte(c.settings))
		}
		clip, err := twoSegments().Resample(c.rate)
		if err != nil {
			t.Fatal(err)
		}
		go speak(t, conn, pcm(clip, c.format), 4*777)
		all, code := events(t, conn)
		if code != websocket.StatusNormalClosure || len(all) < 4 {
			t.Fatalf("%+v: closed with %v after %+v", c, code, all)
		}
		if first := all[0]; first.Type != "ready" || first.Model != "tones" || first.Rate != c.rate || first.Format != c.format {
			t.Errorf("%+v: it begins with %+v", c, first)
		}
		last := all[len(all)-1]
		if seconds := clip.Duration().Seconds(); last.Type != "done" || last.Segments != 2 || math.Abs(last.Time-seconds) > 0.01 {
			t.Errorf("%+v: it ends with %+v; there are %v seconds", c, last, seconds)
		}
		check(t, all[1:len(all)-1])
	}
}

// check holds the messages of twoSegments against what is said.
func check(t *testing.T, all []event) {
	t.Helper()
	var texts []string
	settled := ""
	var words []word
	for _, e := range all {
		settled += e.Settled
		words = append(words, e.Words...)
		if e.Segment != len(texts) {
			t.Errorf("%+v is of another segment; %d were closed", e, len(texts))
		}
		switch e.Type {
		case "text":
			for _, w := range e.Words {
				if w.End > e.Time {
					t.Errorf("a word that ends at %v is settled at %v", w.End, e.Time)
				}
			}
		case "segment":
			if e.Text != settled || e.Start < 0.4 || e.End > e.Time || len(words) != len(strings.Fields(settled)) || words[0].Start != e.Start || words[len(words)-1].End != e.End {
				t.Errorf("settled were %q and %+v; the segment is %+v", settled, words, e)
			}
			texts, settled, words = append(texts, e.Text), "", nil
		default:
			t.Errorf("there is %+v", e)
		}
	}
	if !slices.Equal(texts, []string{"o i i", "i o"}) {
		t.Errorf("the segments are %q", texts)
	}
}

// Words are told as open, and settled, before more sound comes, and while the segment is not closed.
func TestStreamSettles(t *testing.T) {
	_, at := start(t, options(t))
	for _, query := range []string{"?rate=8000&format=f32le", "?format=f32le&beam=4&delay=0.2"} {
		conn := dial(t, at, query)
		send(t, conn, websocket.MessageBinary, pcm(readtest.Say("o", "i"), formatF32))
		settled, open := "", ""
		for settled+open != "o i" || settled == "" {
			_, text, err := conn.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var e event
			if err := json.Unmarshal(text, &e); err != nil {
				t.Fatal(err)
			}
			if e.Type == "text" {
				settled, open = settled+e.Settled, e.Open
			}
		}
		go speak(t, conn, pcm(readtest.Say("i"), formatF32), 1<<16)
		all, _ := events(t, conn)
		if last := all[len(all)-2]; last.Type != "segment" || last.Text != "o i i" {
			t.Errorf("%s: the segment is %+v", query, last)
		}
	}
}

// A client that sends faster than the server reads is not read from meanwhile, and nothing is lost.
func TestStreamBackpressure(t *testing.T) {
	_, at := start(t, options(t))
	conn := dial(t, at, "?format=f32le")
	one := readtest.Say("o", "i")
	var all []byte
	for range 60 {
		all = append(all, pcm(one, formatF32)...)
	}
	go speak(t, conn, all, maxMessage)
	got, code := events(t, conn)
	n := 0
	for _, e := range got {
		n += len(e.Words)
	}
	if code != websocket.StatusNormalClosure || n != 120 {
		t.Errorf("closed with %v after %d words of 120", code, n)
	}
}

// What is wrong with a stream is told, and the close code says which kind it is.
func TestStreamRefusals(t *testing.T) {
	o := options(t)
	o.StreamSeconds = 3
	_, at := start(t, o, serve.Limits{Idle: 200 * time.Millisecond})
	for _, c := range []struct {
		query, settings string
		send            any
		code            websocket.StatusCode
		param           string
	}{
		{"", `{"rate":1}`, nil, 4400, "rate"},
		{"", `{"model":"other"}`, nil, 4404, "model"},
		{"", `{"model":1}`, nil, 4400, "model"},
		{"", `{"speed":2}`, nil, 4400, ""},
		{"", `[`, nil, 4400, ""},
		{"", `{"delay":0.5}`, nil, 4400, "delay"},
		{"", `{"beam":3,"delay":0}`, nil, 4400, "delay"},
		{"", `{"silence":0}`, nil, 4400, "silence"},
		{"", `{"format":"mp3"}`, nil, 4400, "format"},
		{"", `{"language":"en"}`, nil, 4400, "language"},
		{"", "", []byte{1, 2}, 4400, ""},
		{"?rate=8000", "", []byte{1}, 1007, ""},
		{"?format=f32le", "", []byte{1, 2}, 1007, ""},
		{"?format=f32le", "", pcm(audio.Clip{Samples: []float32{0, float32(math.NaN())}}, formatF32), 1007, ""},
		{"?rate=8000", "", make([]byte, maxMessage+2), 1009, ""},
		{"?rate=8000", "", "stop", 4400, ""},
		{"?rate=8000", "", `{"type":"stop"}`, 4400, "type"},
		{"?rate=8000", "", `{"type":"end","now":true}`, 4400, ""},
		{"?rate=8000", "", make([]byte, 2*8000*3+2), 4413, ""},
		{"?rate=8000", "", nil, 4408, ""},
	} {
		conn := dial(t, at, c.query)
		if c.settings != "" {
			send(t, conn, websocket.MessageText, []byte(c.settings))
		}
		switch m := c.send.(type) {
		case []byte:
			send(t, conn, websocket.MessageBinary, m)
		case string:
			send(t, conn, websocket.MessageText, []byte(m))
		}
		all, code := events(t, conn)
		if code != c.code {
			t.Errorf("%s %s: closed with %v, want %v: %+v", c.query, c.settings, code, c.code, all)
		}
		if code == websocket.StatusMessageTooBig {
			continue
		}
		if len(all) == 0 || all[len(all)-1].Type != "error" || all[len(all)-1].Error.Message == "" || all[len(all)-1].Error.Param != c.param {
			t.Errorf("%s %s: the last message is not of an error of %q: %+v", c.query, c.settings, c.param, all)
		}
	}
}

// Before a stream is one, problems are answers of HTTP.
func TestStreamHTTP(t *testing.T) {
	_, at := start(t, options(t), serve.Limits{Streams: 1})
	get := func(query string, header ...string) reply {
		r, err := http.NewRequest("GET", at+"/v1/audio/stream"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		got := openapitest.Do(t, r, nil)
		return reply{got.Status, got.Header, got.Text}
	}
	upgrade := []string{"Connection", "keep-alive, Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}
	for _, c := range []struct {
		query  string
		header []string
		status int
	}{
		{"", nil, 426},
		{"?rate=8000", nil, 426},
		{"", slices.Concat(upgrade[:4], []string{"Sec-WebSocket-Version", "8"}, upgrade[6:]), 426},
		{"?rate=1", upgrade, 400},
		{"?rate=8000&rate=8000", upgrade, 400},
		{"?rate=%zz", upgrade, 400},
		{"?model=other", upgrade, 404},
		{"?token=secret", upgrade, 400},
		{"", slices.Concat(upgrade, []string{"Origin", "https://example.org"}), 403},
	} {
		if r := get(c.query, c.header...); r.status != c.status {
			t.Errorf("%s %q: status %d, %s; want %d", c.query, c.header, r.status, r.text, c.status)
		}
	}
	conn := dial(t, at, "?rate=8000")
	if r := get("?rate=8000", upgrade...); r.status != 429 {
		t.Errorf("of a second stream: status %d, %s", r.status, r.text)
	}
	conn.CloseNow()
	within(t, "the place of a stream whose client has gone", func() bool { return get("?rate=1", upgrade...).status == 400 })
}

// A server that is stopped reads what has come, says so, and closes as one that goes away.
func TestStreamStop(t *testing.T) {
	service, at := start(t, options(t))
	conn := dial(t, at, "?rate=8000")
	waiting := dial(t, at, "") // for its settings
	send(t, conn, websocket.MessageBinary, pcm(readtest.Say("o", "i"), formatS16))
	if err := conn.Write(t.Context(), websocket.MessageBinary, make([]byte, 1600)); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, service.server.Drain)
	all, code := events(t, conn)
	if code != websocket.StatusGoingAway || len(all) < 3 {
		t.Fatalf("closed with %v after %+v", code, all)
	}
	if s := all[len(all)-2]; s.Type != "segment" || s.Text != "o i" || all[len(all)-1].Type != "done" {
		t.Errorf("it ends with %+v", all)
	}
	if _, code := events(t, waiting); code == websocket.StatusNormalClosure {
		t.Errorf("a stream without settings is closed with %v", code)
	}
	closed := make(chan struct{})
	go func() {
		service.server.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Error("the server does not end")
	}
}

// Pings are answered while sound is read, and the server's come while there is none.
func TestStreamPings(t *testing.T) {
	_, at := start(t, options(t), serve.Limits{Ping: 20 * time.Millisecond})
	pings := make(chan struct{}, 100)
	c, _, err := websocket.Dial(t.Context(), strings.Replace(at, "http", "ws", 1)+"/v1/audio/stream?rate=8000", &websocket.DialOptions{
		OnPingReceived: func(context.Context, []byte) bool {
			select {
			case pings <- struct{}{}:
			default:
			}
			return true
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	go func() {
		for {
			if _, _, err := c.Read(t.Context()); err != nil {
				return
			}
		}
	}()
	if err := c.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	for range 3 {
		select {
		case <-pings:
		case <-time.After(10 * time.Second):
			t.Fatal("the server sends no pings")
		}
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
}
