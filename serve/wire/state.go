//go:build !js

package wire

import (
	"cmp"
	"errors"
)

// State is how a model stands.
type State struct {
	Status Status `json:"status"`
	Detail string `json:"detail,omitempty"` // why it cannot be used; of one that is ready, why a newer version of it is not served
}

// Status is a State in a word.
type Status string

// What a model may be.
const (
	StatusReady   Status = "ready"
	StatusWarming Status = "warming" // it will be ready by itself
	StatusFailed  Status = "failed"
)

// StateOf is that of a model which err says cannot be used: words for clients are those of a Problem alone. nil is ready.
func StateOf(err error) State {
	p := (*Problem)(nil)
	switch {
	case err == nil:
		return State{Status: StatusReady}
	case errors.As(err, &p) && p.Code == CodeWarming:
		return State{StatusWarming, p.Detail}
	}
	return State{StatusFailed, Of(err).Detail}
}

// rank orders states: what is to be told of a model that has several.
func (s State) rank() int {
	return map[Status]int{StatusFailed: 2, StatusWarming: 1}[s.Status]
}

// With is the state of a model that another service answers for, too: the worse of both.
func (s State) With(o State) State {
	if o.rank() > s.rank() {
		s, o = o, s
	}
	if s.Status == o.Status {
		s.Detail = cmp.Or(s.Detail, o.Detail)
	}
	return s
}
