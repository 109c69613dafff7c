package speech

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/coder/websocket"
	"github.com/energo-ml/energo/serve/openai"
	"github.com/energo-ml/energo/serve/wire"
)

// talk is one side of a WebSocket.
type talk struct {
	c   *websocket.Conn
	ctx context.Context // which does not end with the server's, for last words
}

// send sends a message.
func (t *talk) send(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	ctx, done := context.WithTimeout(t.ctx, sendTime)
	defer done()
	return t.c.Write(ctx, websocket.MessageText, text)
}

// errClient is for a client that has gone, or closed the connection, which is its own business.
var errClient = errors.New("the client has gone")

// codeOf is the close code of a problem.
func codeOf(p *wire.Problem) websocket.StatusCode {
	switch p.Code {
	case codeSamples:
		return websocket.StatusInvalidFramePayloadData
	case wire.CodeInternal:
		return websocket.StatusInternalError
	case wire.CodeUnavailable, wire.CodeWarming:
		return websocket.StatusGoingAway
	}
	status := p.Status
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	return websocket.StatusCode(4000 + status)
}

// fail tells the client what went wrong, and closes.
func (t *talk) fail(s *Service, err error) {
	if errors.Is(err, errClient) || websocket.CloseStatus(err) >= 0 || errors.Is(err, websocket.ErrMessageTooBig) { // it is closed
		return
	}
	p := wire.Of(err)
	if p.Code == wire.CodeInternal {
		s.server.Log().Error("a stream failed", "error", err)
	}
	_ = t.send(failure{"error", openai.Of(p)}) // a client that has gone does not hear it
	_ = t.c.Close(codeOf(p), "")
}

// The messages of a stream.
type (
	ready struct {
		Type    string  `json:"type"`
		Model   string  `json:"model"`
		Rate    int     `json:"rate"`
		Format  string  `json:"format"`
		Silence float64 `json:"silence"`
	}
	heard struct {
		Type    string  `json:"type"`
		Segment int     `json:"segment"`
		Time    float64 `json:"time"`
		Settled string  `json:"settled"`
		Words   []word  `json:"words"`
		Open    string  `json:"open"`
	}
	closed struct {
		Type    string  `json:"type"`
		Segment int     `json:"segment"`
		Start   float64 `json:"start"`
		End     float64 `json:"end"`
		Time    float64 `json:"time"`
		Text    string  `json:"text"`
		Settled string  `json:"settled"`
		Words   []word  `json:"words"`
	}
	finished struct {
		Type     string  `json:"type"`
		Segments int     `json:"segments"`
		Time     float64 `json:"time"`
	}
	failure struct {
		Type  string         `json:"type"`
		Error openai.Failure `json:"error"`
	}
)
