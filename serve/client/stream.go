package client

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/coder/websocket"
)

// StreamOptions say how sound is read while it comes.
type StreamOptions struct {
	Model   string   // "" is the only model of speech
	Rate    int      // of the samples; 0 is the model's own
	Silence *float64 // seconds that close a segment; nil is the server's default
	Delay   *float64 // seconds after which a search settles what its best prefix has; nil is the server's default
	Decoding
}

// Event is what a stream tells. Of type "text", Settled and Words are new and will not change, and Open may; of "segment", a silence or the end has
// closed a segment, whose text and times it has; of "done", all is read.
type Event struct {
	Type     string  `json:"type"`
	Segment  int     `json:"segment"` // its number, from 0 on
	Time     float64 `json:"time"`    // seconds of sound that are read
	Settled  string  `json:"settled"`
	Open     string  `json:"open"`
	Words    []Word  `json:"words"` // that are settled
	Start    float64 `json:"start"` // of a segment
	End      float64 `json:"end"`   // of a segment
	Text     string  `json:"text"`  // of a segment, all that was settled in it
	Segments int     `json:"segments"`
}

// Stream is sound that a server reads while it comes. One goroutine sends and another takes the events: a server that is behind stops receiving.
type Stream struct {
	Model string // that reads
	Rate  int    // of the samples

	conn *websocket.Conn
	ctx  context.Context
	done bool
}

// Sizes of messages.
const (
	mostSamples = 1 << 14 // of one that is sent
	mostMessage = 16 << 20
)

// Stream begins a stream, which ends with the context. It must be closed.
// Errors: what the server refuses.
func (c *Client) Stream(ctx context.Context, o StreamOptions) (*Stream, error) {
	s := &Stream{ctx: ctx}
	err := c.retry(ctx, func() (err error) {
		s.conn, err = c.dial(ctx, "/v1/audio/stream?"+o.params().Encode())
		return err
	})
	if err != nil {
		return nil, err
	}
	s.conn.SetReadLimit(mostMessage)
	var ready struct {
		Type, Model string
		Rate        int
	}
	if err := s.read(&ready); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.Model, s.Rate = ready.Model, ready.Rate
	return s, nil
}

// params are the settings in the address.
func (o *StreamOptions) params() url.Values {
	all := fields{{"format", "f32le"}}
	all.text("model", o.Model)
	if o.Rate != 0 {
		all.text("rate", strconv.Itoa(o.Rate))
	}
	all.number("silence", o.Silence)
	all.number("delay", o.Delay)
	params := url.Values{}
	for _, f := range append(all, o.Decoding.fields()...) {
		params.Add(f.name, f.value)
	}
	return params
}

// dial makes a WebSocket, once.
func (c *Client) dial(ctx context.Context, path string) (*websocket.Conn, error) {
	header := http.Header{}
	c.sign(header)
	conn, answer, err := websocket.Dial(ctx, c.base+path, &websocket.DialOptions{HTTPClient: c.http, HTTPHeader: header})
	switch {
	case err == nil:
		return conn, nil
	case answer != nil && answer.StatusCode >= 400:
		return nil, problemOf(answer.Request, answer)
	}
	return nil, fmt.Errorf("client: %w", err)
}

// Send sends samples of one channel, from −1 to 1.
func (s *Stream) Send(samples []float32) error {
	for part := range slices.Chunk(samples, mostSamples) {
		b := make([]byte, 0, 4*len(part))
		for _, v := range part {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		if err := s.conn.Write(s.ctx, websocket.MessageBinary, b); err != nil {
			return fmt.Errorf("client: the stream: %w", err)
		}
	}
	return nil
}

// End says that no more samples come. The events after it are those of what is left.
func (s *Stream) End() error {
	if err := s.conn.Write(s.ctx, websocket.MessageText, []byte(`{"type":"end"}`)); err != nil {
		return fmt.Errorf("client: the stream: %w", err)
	}
	return nil
}

// Next returns the next event, and io.EOF after the one of type "done".
// Errors: an Error, where the server refuses samples, or is too busy; a connection that ends.
func (s *Stream) Next() (Event, error) {
	if s.done {
		return Event{}, io.EOF
	}
	var e Event
	err := s.read(&e)
	s.done = e.Type == "done"
	return e, err
}

// read reads a message. One of an error is followed by the connection's end, whose code has the status.
func (s *Stream) read(out any) error {
	_, text, err := s.conn.Read(s.ctx)
	if err != nil {
		return fmt.Errorf("client: the stream: %w", err)
	}
	var m struct {
		Type  string
		Error struct{ Message, Param, Code string }
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("client: the stream: a message cannot be read: %w", err)
	}
	if m.Type != "error" {
		return json.Unmarshal(text, out)
	}
	_, _, err = s.conn.Read(s.ctx)
	return &Error{
		Method: http.MethodGet, Path: "/v1/audio/stream", Status: statusOf(websocket.CloseStatus(err)),
		Code: m.Error.Code, Field: m.Error.Param, Detail: m.Error.Message,
	}
}

// statusOf is the status of HTTP that a close code stands for.
func statusOf(code websocket.StatusCode) int {
	switch {
	case code >= 4400 && code < 4600:
		return int(code) - 4000
	case code == websocket.StatusInternalError:
		return http.StatusInternalServerError
	case code == websocket.StatusGoingAway:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// Close ends the connection, also in the midst of a stream.
func (s *Stream) Close() error {
	_ = s.conn.CloseNow() // one that the server has ended says so
	return nil
}
